//! Checks that bodies are restored byte for byte.
//!
//! Owns: bodies of every shape. Never: order.

use smol_wf_core::ids::Digest;
use smol_wf_core::journal::Record;

use super::samples::{new_run, terms};
use crate::{LARGE_BYTES, Store};

fn come_back(store: &mut dyn Store, number: u32, bodies: Vec<String>) {
    let records: Vec<_> = bodies
        .into_iter()
        .map(|body| Record {
            kind: "any".into(),
            chain: Digest::of(body.as_bytes()).to_string(),
            body,
        })
        .collect();
    let run = new_run(number);
    store.create(&run, terms("me"), &records).unwrap();
    let loaded = store.load(&run.key).unwrap().unwrap();
    assert_eq!(loaded.len(), records.len());
    for (loaded, record) in loaded.iter().zip(&records) {
        assert!(loaded == record, "this came back otherwise: {:.200}", record.body);
    }
}

pub(super) fn every_body_comes_back_byte_for_byte(store: &mut dyn Store) {
    let large = "x".repeat(LARGE_BYTES + 1);
    let just = "x".repeat(LARGE_BYTES);
    let digest = Digest::of(large.as_bytes());
    let deep = format!("{}\"{large}\"{}", "[".repeat(300), "]".repeat(300));
    let bodies = [
        "null".to_owned(),
        format!("\"{just}\""),
        format!("\"{large}\""),
        format!("{{\"$blob\":\"{large}\"}}"),
        format!("{{\"$blob\":\"{digest}\"}}"),
        format!("{{\"a\":{{\"$blob\":\"{digest}\"}},\"b\":\"{large}\"}}"),
        format!("{{\"b\":\"{large}\",\"a\":[{{\"$blob\":\"{digest}\",\"c\":1}}]}}"),
        format!("{{ \"b\" : \"{large}\" }}"),
        format!("[\"{large}\",1.0,1e2,-0,-0.0,1.10,123456789012345678901234567890]"),
        format!("[\"{large}\",0.1,1.7976931348623157e308,5e-324,18446744073709551615]"),
        format!("[\"{large}\",2.2250738585072011e-308,0.30000000000000004]"),
        format!("[\"{large}\",\"\\u0041\\/\\ud83d\\ude00\"]"),
        format!("[\"{large}\",\"\\u0000\\u001f\\b\\f\\n\u{7f}\u{2028}é\"]"),
        format!("{{\"a\":1,\"a\":2,\"b\":\"{large}\"}}"),
        format!("{{\"{large}\":1}}"),
        deep,
    ];
    come_back(store, 1, bodies.into());
}

pub(super) fn random_bodies_come_back_byte_for_byte(store: &mut dyn Store) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for number in 0..20 {
        let bodies = (0..20).map(|_| {
            let mut body = String::new();
            random.value(&mut body, 3);
            body
        });
        let bodies = bodies.collect();
        come_back(store, number, bodies);
    }
}

/// Xorshift: the same bodies each time, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn value(&mut self, out: &mut String, depth: u32) {
        match self.below(if depth == 0 { 5 } else { 8 }) {
            0 => out.push_str(["null", "true", "false"][self.below(3) as usize]),
            1 => out.push_str(&self.below(u64::MAX).to_string()),
            2 => out.push_str(&format!("{:?}", f64::from_bits(self.below(1 << 62)))),
            3 => self.text(out, 20),
            4 => self.text(out, 3 * LARGE_BYTES as u64),
            5 => {
                out.push('[');
                for item in 0..self.below(5) {
                    if item > 0 {
                        out.push(',');
                    }
                    self.value(out, depth - 1);
                }
                out.push(']');
            }
            _ => {
                out.push('{');
                for field in 0..self.below(5) {
                    if field > 0 {
                        out.push(',');
                    }
                    if self.below(8) == 0 {
                        out.push_str("\"$blob\"");
                    } else {
                        self.text(out, 8);
                    }
                    out.push_str([":", ":", ":", ": "][self.below(4) as usize]);
                    self.value(out, depth - 1);
                }
                out.push('}');
            }
        }
    }

    fn text(&mut self, out: &mut String, most: u64) {
        const PIECES: [&str; 12] =
            ["a", "Z", " ", "\\n", "\\\"", "\\\\", "é", "😀", "\\u0000", "{", "$blob", "\u{2028}"];
        out.push('"');
        for _ in 0..self.below(most) {
            out.push_str(PIECES[self.below(PIECES.len() as u64) as usize]);
        }
        out.push('"');
    }
}
