//! kill -9 at random moments, again and again: nothing that was finished is
//! lost or done twice, and the result is that of an undisturbed run.

mod common;

use std::collections::HashMap;
use std::io::Read;
use std::time::Duration;

use common::{Place, finish, journal, run_id_of};
use fastrand::Rng;
use serde_json::Value;

/// 60 steps: 20 in a row, then a fan-out of 20, then a pipeline of 10 by 2.
const SCRIPT: &str = r"
export const meta = { name: 'sixty', description: 'Sixty steps' }
const said = []
for (let i = 0; i < 20; i++) {
  said.push(await agent(`step ${i} after ${said.length}`))
  if (i % 5 === 0) log(`at ${i} ${Math.random()} ${Date.now() > 0}`)
}
const fan = await parallel(Array.from({ length: 20 }, (_, i) => () => agent(`fan ${i}`)))
const line = await pipeline([0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  (_, item) => agent(`inspect ${item}`),
  (seen, item) => agent(`judge ${item}: ${seen}`))
return { said, fan, line }
";

const KILLS_MIN: u32 = 200;

#[test]
fn two_hundred_kills_lose_and_repeat_nothing() {
    let undisturbed = Place::new().script(SCRIPT, &[]).ok();
    assert_eq!(undisturbed["agents"]["called"], 60);
    let mut dice = Rng::with_seed(0x5eed_cafe_f00d_1234);
    let (mut kills, mut runs) = (0, 0);
    while kills < KILLS_MIN {
        runs += 1;
        assert!(runs <= 200, "the kills come too late: {kills} in {runs} runs");
        kills += one_run(&undisturbed, &mut dice);
    }
    println!("{kills} kills over {runs} runs of 60 steps");
}

/// One run, killed until it is through. Returns how often it was killed.
fn one_run(undisturbed: &Value, dice: &mut Rng) -> u32 {
    let place = Place::new();
    place.write("script.mjs", SCRIPT);
    // A delay, so that kills meet steps in flight.
    let first = ["run", "script.mjs", "--debug-rule", "*=delay:2ms"];
    let mut run = String::new();
    let mut before: Vec<Value> = Vec::new();
    let mut kills = 0;
    loop {
        let again = ["resume", run.as_str()];
        let args: &[&str] = if run.is_empty() { &first } else { &again };
        let mut child = place.command(args).spawn().unwrap();
        let patience = Duration::from_micros(8_000 + dice.u64(0..60_000));
        std::thread::sleep(patience);
        let killed = child.try_wait().unwrap().is_none();
        if killed {
            child.kill().unwrap();
            kills += 1;
        }
        let mut said = String::new();
        if run.is_empty() {
            child.stderr.as_mut().unwrap().read_to_string(&mut said).unwrap();
        }
        let ran = finish(child);
        if run.is_empty() && said.starts_with("run ") && said.contains('\n') {
            run = run_id_of(&said);
        }
        if place.db().exists() && !run.is_empty() {
            before = check_journal(&place, &run, &before);
        }
        if !killed {
            let report = ran.ok();
            assert_eq!(report["state"], "completed", "{}", ran.stderr);
            assert_eq!(report["results"], undisturbed["results"]);
            assert_eq!(report["tokenUsage"], undisturbed["tokenUsage"]);
            return kills;
        }
    }
}

/// The journal only grew, and no step was dispatched after it was settled.
fn check_journal(place: &Place, run: &str, before: &[Value]) -> Vec<Value> {
    let now = journal(&place.db(), run);
    assert!(now.len() >= before.len(), "entries were lost");
    assert!(now.starts_with(before), "entries were changed");
    let mut settled: HashMap<u64, usize> = HashMap::new();
    for (index, entry) in now.iter().enumerate() {
        let step = entry["step"].as_u64();
        match (entry["kind"].as_str().unwrap(), step) {
            ("settled", Some(step)) => {
                assert_eq!(settled.insert(step, index), None, "step {step} settled twice");
            }
            ("agent_dispatched", Some(step)) => {
                assert!(!settled.contains_key(&step), "step {step} ran again after it was done");
            }
            _ => {}
        }
    }
    now
}
