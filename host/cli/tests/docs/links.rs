//! Every link of the pages leads to a file that is there, and to a heading of it.
//!
//! Owns: what a link is, and how a heading becomes an anchor, as GitHub and mdBook do.
//! Never: looks at the web.

use std::path::{Component, Path, PathBuf};

use regex::Regex;

use crate::common::project;
use crate::{pages, read};

/// The text without blocks of code.
fn without_blocks(text: &str) -> String {
    let mut is_code = false;
    let lines = text.lines().filter(|line| {
        is_code ^= line.starts_with("```");
        !is_code
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The anchors of a page's headings.
fn anchors(text: &str) -> Vec<String> {
    let text = without_blocks(text);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.filter_map(|line| line.trim_start_matches('#').strip_prefix(' ')).map(anchor).collect()
}

fn anchor(heading: &str) -> String {
    let link = Regex::new(r"\[([^\]]*)\]\([^)]*\)").unwrap();
    let plain = link.replace_all(heading.trim(), "$1").to_lowercase();
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
    plain.chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[test]
fn every_link_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let (mut broken, mut count) = (Vec::new(), 0);
    let others = ["AGENTS.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];
    for page in pages().into_iter().chain(others.map(str::to_owned)) {
        let text = read(&page);
        for found in link.captures_iter(&without_blocks(&text)) {
            let address = &found[1];
            if address.contains("://") {
                continue;
            }
            count += 1;
            let (file, anchor) = address.split_once('#').unwrap_or((address, ""));
            let target = match file {
                "" => PathBuf::from(&page),
                file => plain(&Path::new(&page).parent().unwrap().join(file)),
            };
            let is_there = project().join(&target).exists();
            if !is_there || !anchor.is_empty() && !anchors_of(&target).contains(&anchor.to_owned())
            {
                broken.push(format!("{page}: {address}"));
            }
        }
    }
    assert!(count > 300, "only {count} links found");
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

fn anchors_of(page: &Path) -> Vec<String> {
    anchors(&read(page.to_str().unwrap()))
}

#[test]
fn the_summary_has_every_page_once() {
    let summary = read("docs/SUMMARY.md");
    let link = Regex::new(r"\]\(([^)]+)\)").unwrap();
    let mut named: Vec<String> =
        link.captures_iter(&summary).map(|found| format!("docs/{}", &found[1])).collect();
    named.sort();
    let is_page = |page: &String| page.starts_with("docs/") && page != "docs/SUMMARY.md";
    assert_eq!(named, pages().into_iter().filter(is_page).collect::<Vec<_>>());
}

#[test]
fn a_heading_becomes_the_anchor_that_readers_know() {
    assert_eq!(anchor("Options of agent()"), "options-of-agent");
    assert_eq!(anchor("`null`, and [links](a.md)"), "null-and-links");
}
