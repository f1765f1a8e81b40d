//! The manual: the pages of `docs/`, in the program.
//!
//! Owns: which pages and schemas there are, and which part of them a word means.
//! Never: their texts.

#[cfg(test)]
mod commands;
mod plain;

pub(crate) use plain::plain;

/// A page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    /// Its name, that of the file.
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

macro_rules! pages {
    ($($name:literal),+ $(,)?) => {
        &[$(Page { name: $name, text: include_str!(concat!("../docs/", $name, ".md")) }),+]
    };
}

/// All pages but the decisions, in the order of `docs/SUMMARY.md` (tested).
pub(crate) const PAGES: &[Page] = pages![
    "install",
    "quickstart",
    "tutorial",
    "scripts",
    "checking",
    "dev",
    "testing",
    "ci",
    "agents",
    "where-agents-work",
    "own-agent",
    "budgets",
    "worktrees",
    "untrusted",
    "background",
    "tui",
    "history",
    "hosts",
    "mcp",
    "from-claude-code",
    "from-smol-workflows",
    "troubleshooting",
    "faq",
    "cli",
    "commands",
    "api",
    "config",
    "report",
    "events",
    "fixture",
    "errors",
    "exit-codes",
    "limits",
    "stability",
    "debug",
    "replay",
    "security",
    "reliability",
    "performance",
    "processes",
    "architecture",
    "glossary",
];

macro_rules! schemas {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../docs/schemas/", $name, ".schema.json")))),+]
    };
}

/// The JSON Schemas of what the program reads and writes, by name (tested).
pub(crate) const SCHEMAS: &[(&str, &str)] =
    schemas!["report", "events", "fixture", "config", "plan", "rules", "answer", "prices"];

/// The page with the errors.
const ERRORS: &str = "errors";

/// Names that pages had before.
const OLDER: [(&str, &str); 1] = [("compatibility", "from-claude-code")];

/// How the reference of a command begins its heading.
const PROGRAM: &str = "smol wf ";

/// What a word means in the manual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// A page, a section of one, or the rows of an error code, as Markdown.
    Text(String),
    /// Sections of this name in several pages: `page: heading`.
    Several(Vec<String>),
}

/// Finds a page, an error code, or a section by its heading. Case does not count,
/// and `-` stands for a space.
pub(crate) fn find(topic: &str) -> Option<Part> {
    let topic = folded(topic);
    let renamed = OLDER.iter().find(|(older, _)| *older == topic);
    let page_name = folded(renamed.map_or(topic.as_str(), |(_, name)| *name));
    if let Some(page) = PAGES.iter().find(|page| folded(page.name) == page_name) {
        return Some(Part::Text(page.text.to_owned()));
    }
    if let Some(entry) = error_entry(&topic.replace(' ', "_")) {
        return Some(Part::Text(entry));
    }
    let mut found = headed(None, &topic);
    if let (true, Some((page, heading))) = (found.is_empty(), topic.split_once(": ")) {
        found = headed(Some(page), heading);
    }
    match found.len() {
        0 if topic.contains(": ") || topic.starts_with(PROGRAM) => None,
        0 => find(&format!("{PROGRAM}{topic}")),
        1 => found.pop().map(|(_, section)| Part::Text(section.text.to_owned())),
        _ => {
            let named = found.iter().map(|(page, one)| format!("{}: {}", page.name, one.heading));
            Some(Part::Several(named.collect()))
        }
    }
}

/// The sections with this heading, of one page or of all; both names are folded.
fn headed(page_name: Option<&str>, heading: &str) -> Vec<(&'static Page, Section)> {
    let pages = PAGES.iter().filter(|page| page_name.is_none_or(|name| folded(page.name) == name));
    let sections = pages.flat_map(|page| sections(page.text).map(move |one| (page, one)));
    sections.filter(|(_, one)| folded(one.heading) == heading).collect()
}

/// The schema of that name, with or without the ending of its file.
pub(crate) fn schema(name: &str) -> Option<&'static str> {
    let name = name.trim_end_matches(".schema.json");
    SCHEMAS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// All words that [`find`] knows but for the sections.
pub(crate) fn topics() -> impl Iterator<Item = &'static str> {
    let codes = smol_wf_core::codes::Code::ALL.iter().map(|code| code.word());
    PAGES.iter().map(|page| page.name).chain(codes)
}

impl Page {
    /// Its title.
    pub(crate) fn title(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches("# ")
    }

    /// The headings of its sections.
    pub(crate) fn headings(&self) -> impl Iterator<Item = &'static str> {
        sections(self.text).map(|section| section.heading)
    }
}

/// A section of a page, without those below it being taken apart.
struct Section {
    heading: &'static str,
    text: &'static str,
}

/// The sections of a page: each from its heading to the next one of its level or above.
fn sections(page: &'static str) -> impl Iterator<Item = Section> {
    let starts = heading_offsets(page);
    let ends = starts.clone();
    starts.into_iter().filter(|(_, level)| *level > 1).filter_map(move |(start, level)| {
        let next = ends.iter().find(|(other, deep)| *other > start && *deep <= level);
        let text = page.get(start..next.map_or(page.len(), |(end, _)| *end))?;
        let heading = text.lines().next()?.trim_start_matches('#').trim();
        Some(Section { heading, text })
    })
}

/// Offset and level of each heading; a `#` in a block of code is none.
fn heading_offsets(page: &str) -> Vec<(usize, usize)> {
    let (mut offsets, mut at, mut is_code) = (Vec::new(), 0, false);
    for line in page.split_inclusive('\n') {
        is_code ^= line.starts_with("```");
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        if !is_code && level > 0 && line.get(level..).is_some_and(|rest| rest.starts_with(' ')) {
            offsets.push((at, level));
        }
        at += line.len();
    }
    offsets
}

/// The rows of an error code, each below the heading of its section and the header of its
/// table: one code may stand for several moments.
fn error_entry(code: &str) -> Option<String> {
    let page = PAGES.iter().find(|page| page.name == ERRORS)?;
    let entries: Vec<String> = sections(page.text).filter_map(|one| entry_in(&one, code)).collect();
    (!entries.is_empty()).then(|| entries.join("\n"))
}

fn entry_in(section: &Section, code: &str) -> Option<String> {
    let quoted = format!("`{code}`");
    let is_row = |line: &str| {
        let first = line.strip_prefix('|').and_then(|rest| rest.split('|').next());
        first.is_some_and(|cell| cell.contains(&quoted))
    };
    // A section ends where one below it begins, which has rows of its own.
    let heading = section.text.lines().next()?;
    let body = section.text.lines().skip(1).take_while(|line| !line.starts_with('#'));
    let table: Vec<&str> = body.filter(|line| line.starts_with('|')).collect();
    let rows: Vec<&str> = table.iter().copied().filter(|line| is_row(line)).collect();
    let [header, line, ..] = table[..] else { return None };
    (!rows.is_empty()).then(|| format!("{heading}\n\n{header}\n{line}\n{}\n", rows.join("\n")))
}

/// A heading or topic as it is compared.
fn folded(text: &str) -> String {
    let plain = text.replace(['`', '*', ',', '(', ')'], "").to_lowercase();
    plain.replace('-', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_in_the_manual() {
        let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let names = std::fs::read_dir(docs).unwrap().filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".md").filter(|name| *name != "SUMMARY").map(str::to_owned)
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        let mut pages: Vec<&str> = PAGES.iter().map(|page| page.name).collect();
        pages.sort_unstable();
        assert_eq!(names, pages, "name a new page in PAGES");
    }

    #[test]
    fn the_pages_stand_in_the_order_of_the_summary_under_their_titles() {
        let summary = include_str!("../docs/SUMMARY.md");
        let entries = summary.lines().filter_map(|line| {
            let (title, file) = line.trim_start().strip_prefix("- [")?.split_once("](")?;
            Some((title, file.strip_suffix(".md)")?))
        });
        let entries: Vec<_> = entries.filter(|(_, name)| !name.contains('/')).collect();
        let pages: Vec<_> = PAGES.iter().map(|page| (page.title(), page.name)).collect();
        assert_eq!(entries, pages);
    }

    #[test]
    fn every_schema_is_in_the_manual() {
        let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
        for entry in std::fs::read_dir(docs).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let text = schema(&name).unwrap_or_else(|| panic!("name {name} in SCHEMAS"));
            let json: serde_json::Value = serde_json::from_str(text).unwrap();
            let name = name.trim_end_matches(".schema.json");
            assert_eq!(json["$id"], format!("urn:smol-wf:schema:{name}:1"));
        }
    }

    #[test]
    fn pages_sections_and_codes_are_found() {
        let text = |topic: &str| match find(topic) {
            Some(Part::Text(text)) => text,
            other => panic!("{topic}: {other:?}"),
        };
        assert!(text("scripts").starts_with("# Writing workflow scripts"));
        assert!(text("exit-codes").starts_with("# Exit codes"));
        assert!(text("compatibility").starts_with("# From Claude Code"));
        assert!(text("arguments-of-the-workflow").starts_with("## Arguments"));
        assert!(text("history usage").starts_with("## smol-wf history usage"));
        assert!(text("options-of-agent").starts_with("## Options of agent()"));
        assert!(text("run_held").contains("another process works on the run"));
        assert!(text("workflow-not-found").contains("`workflow_not_found`"));
        assert!(text("own-agent: what it gets").starts_with("## What it gets"));
        assert!(text("Check: what is wrong without running it").starts_with("## Check: "));
        let Some(Part::Several(several)) = find("asks") else { panic!("one section") };
        assert_eq!(several, ["agents: Asks", "report: Asks"]);
        assert_eq!(find("cli: no such thing"), None);
        assert_eq!(find("no such thing"), None);
    }

    #[test]
    fn a_comment_in_code_is_no_heading() {
        let text = "# A\n```sh\n# not this\n```\n## B\n#not\n";
        assert_eq!(heading_offsets(text).len(), 2);
    }
}
