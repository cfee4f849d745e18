//! Whole reports of made-up data, and what must hold of every one.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest as _;
use sha2::Sha256;

use super::Page;
use super::check;
use super::html;
use super::markdown;
use super::period;
use super::samples;
use super::terminal;
use super::thing;
use super::words;
use crate::report::escape;
use crate::report::lineage;

fn pages() -> Vec<(&'static str, Page)> {
    let mut pages: Vec<(&'static str, Page)> = crate::report::samples::all()
        .iter()
        .map(|(name, outcome)| (*name, check::page(&samples::check(outcome))))
        .collect();
    pages.push(("model", thing::page(&samples::model())));
    pages.push(("period", period::page(&samples::period())));
    pages.push(("hostile", thing::page(&samples::hostile())));
    pages.push((
        "hostile check",
        check::page(&samples::check(&crate::report::samples::hostile())),
    ));
    pages
}

/// What stands between two marks, once.
fn between<'t>(text: &'t str, open: &str, close: &str) -> &'t str {
    let (_, rest) = text.split_once(open).expect(open);
    rest.split_once(close).expect(close).0
}

/// The page without style and script, which are files of their own.
fn body(page: &str) -> String {
    let style = between(page, "<style>", "</style>");
    let script = between(page, "<script>", "</script>");
    let policy = between(page, "Content-Security-Policy\" content=\"", "\"");
    page.replace(style, "…")
        .replace(script, "…")
        .replace(policy, "…")
}

#[test]
fn a_check_in_markdown() {
    insta::assert_snapshot!(markdown(&check::page(&samples::blocked())));
}

#[test]
fn a_check_in_html() {
    insta::assert_snapshot!(body(&html(&check::page(&samples::blocked()))));
}

#[test]
fn a_model_in_markdown() {
    insta::assert_snapshot!(markdown(&thing::page(&samples::model())));
}

#[test]
fn a_period_in_markdown() {
    insta::assert_snapshot!(markdown(&period::page(&samples::period())));
}

#[test]
fn a_period_on_the_terminal() {
    insta::assert_snapshot!(terminal(&period::page(&samples::period())));
}

#[test]
fn every_report_begins_with_the_same_summary_and_ends_no_question() {
    for (name, page) in pages() {
        let headings: Vec<&str> = page.sections.iter().map(|s| s.heading.as_str()).collect();
        assert_eq!(
            headings[..5],
            [
                words::WHAT_THIS_IS,
                words::WHAT_WAS_FOUND,
                words::WHAT_IT_MEANS,
                words::WHAT_TO_DO,
                words::WHAT_IT_CANNOT_SHOW
            ],
            "{name}"
        );
        let text = markdown(&page).to_lowercase();
        assert!(
            text.contains("unregistered") || text.contains("nobody registered"),
            "{name}"
        );
        assert!(text.contains("finding of compliance"), "{name}");
        for never in ["written by llama", "is compliant", "was written by"] {
            assert!(!text.contains(never), "{name} says {never:?}");
        }
    }
}

#[test]
fn the_page_s_policy_allows_exactly_its_own_style_and_script() {
    for (name, page) in pages() {
        let page = html(&page);
        let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
        let digest = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
        let style = digest(between(&page, "<style>", "</style>"));
        let script = digest(between(&page, "<script>", "</script>"));
        assert_eq!(
            policy,
            format!(
                "default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"
            ),
            "{name}"
        );
        assert_eq!(page.matches("<script").count(), 1, "{name}");
        assert_eq!(page.matches("<style").count(), 1, "{name}");
        assert!(!page.contains(" style=\""), "{name}");
    }
}

#[test]
fn ids_are_unique_and_what_is_named_is_there() {
    for (name, page) in pages() {
        let page = body(&html(&page));
        let mut ids: BTreeMap<&str, u32> = BTreeMap::new();
        for rest in page.split(" id=\"").skip(1) {
            *ids.entry(rest.split('"').next().expect("end")).or_default() += 1;
        }
        assert!(ids.values().all(|count| *count == 1), "{name}: {ids:?}");
        for reference in ["aria-labelledby=\"", "href=\"#"] {
            for rest in page.split(reference).skip(1) {
                for id in rest.split('"').next().expect("end").split(' ') {
                    assert!(ids.contains_key(id), "{name}: {reference}{id}");
                }
            }
        }
    }
}

#[test]
fn no_name_becomes_an_element_an_attribute_or_a_control() {
    let known = "!doctype a body caption circle code dd defs desc details div dl dt figcaption \
                 figure footer g h1 h2 head header html li line main marker meta nav ol p path \
                 pattern pre rect script section span strong style summary svg table tbody td text \
                 th thead title tr ul";
    let known: Vec<&str> = known.split(' ').collect();
    for (name, page) in pages() {
        let page = body(&html(&page));
        for tag in page.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap_or("");
            let word = tag.trim_start_matches('/').split(' ').next().unwrap_or("");
            assert!(known.contains(&word), "{name}: <{tag}>");
            // Attack strings keep their words, inside quotes: never as an attribute's name.
            assert!(!tag.contains(" onerror="), "{name}: <{tag}>");
            assert!(!tag.contains("=\"javascript:"), "{name}: <{tag}>");
        }
        assert!(
            !page.chars().any(|c| c != '\n' && escape::is_deceptive(c)),
            "{name}"
        );
    }
    assert!(html(&thing::page(&samples::hostile())).contains("&lt;script&gt;alert(1)"));
}

#[test]
fn elements_are_closed_in_order() {
    let page = html(&thing::page(&samples::model()));
    let drawn = lineage::svg(&samples::upstream());
    for text in [body(&page), drawn] {
        let mut open: Vec<String> = Vec::new();
        for tag in text.split('<').skip(1) {
            let tag = tag.split('>').next().expect("closed");
            let word = tag.trim_matches('/').split(' ').next().expect("a word");
            if tag.starts_with('/') {
                assert_eq!(open.pop().as_deref(), Some(word), "</{word}>");
            } else if !tag.ends_with('/') && !["!doctype", "meta"].contains(&word) {
                open.push(word.to_owned());
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }
}

#[test]
fn a_name_cannot_leave_its_place_in_markdown() {
    let text = markdown(&thing::page(&samples::hostile()));
    assert!(!text.chars().any(|c| c != '\n' && escape::is_deceptive(c)));
    // Fences come in pairs and are those that this file writes.
    let fences = text.lines().filter(|line| line.starts_with("```")).count();
    assert_eq!(fences % 2, 0);
    // A row has as many cells as its table, whatever stands in them.
    let cells = |line: &str| {
        let mut before = ' ';
        let mut count = 0;
        for c in line.chars() {
            count += usize::from(c == '|' && before != '\\');
            before = c;
        }
        count
    };
    let lines: Vec<&str> = text.lines().collect();
    let rows = lines
        .windows(2)
        .filter(|pair| pair.iter().all(|line| line.starts_with('|')));
    for pair in rows {
        assert_eq!(cells(pair[0]), cells(pair[1]), "{pair:?}");
    }
    assert!(
        !text.lines().any(|line| line.starts_with("# h")),
        "a heading of the attack"
    );
}

#[test]
fn what_was_found_in_a_model_s_data_is_told_with_source_generator_and_license() {
    let text = markdown(&thing::page(&samples::model()));
    assert!(
        text.contains("`acme/mix@v3`: 2,000 of 12,000 rows (16.7 %) match text of the registered source `support-bot-2026-10`"),
        "{text}"
    );
    assert!(text.contains("meta-llama/Llama-2-70b-chat-hf (llama-2)"));
    assert!(text.contains("is declared nowhere"));
    // Declared and found agree here: no task arises.
    assert!(!text.contains("declared it: `acme-x-answers`"));
    assert!(text.contains("declared it: `support-bot-2026-10`"));
}

#[test]
fn weeks_without_a_check_are_drawn_too() {
    let text = markdown(&period::page(&samples::period()));
    // 1 October 2026 is a Thursday; weeks begin on Monday (checked with `date -d 2026-09-28 +%a`).
    let weeks: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| 2026-"))
        .take(14)
        .collect();
    assert_eq!(weeks.len(), 14);
    assert!(
        weeks[0].starts_with("| 2026-09-28 | 0 | 0 | 0 | 1 | 1 |"),
        "{}",
        weeks[0]
    );
    assert!(
        weeks[1].starts_with("| 2026-10-05 | 1 | 0 | 1 | 0 | 2 |"),
        "{}",
        weeks[1]
    );
    assert!(
        weeks[2].starts_with("| 2026-10-12 | 0 | 0 | 0 | 0 | 0 |"),
        "{}",
        weeks[2]
    );
    assert!(
        weeks[13].starts_with("| 2026-12-28 | 0 | 0 | 0 | 1 | 1 |"),
        "{}",
        weeks[13]
    );
    let mut years = samples::period();
    years.from = jiff::civil::date(2024, 1, 15);
    let text = markdown(&period::page(&years));
    assert!(
        text.contains("Checks by month"),
        "a long period is drawn by month"
    );
    assert!(text.contains("| 2024-01-01 |"));
}

/// Relative luminance and contrast as WCAG 2.1 defines them.
fn contrast(a: &str, b: &str) -> f64 {
    let luminance = |hex: &str| {
        let full: String = if hex.len() == 4 {
            hex[1..].chars().flat_map(|c| [c, c]).collect()
        } else {
            hex[1..].to_owned()
        };
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&full[at..at + 2], 16).expect("hex")) / 255.0;
            if value <= 0.03928 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn contrast_is_enough_in_light_and_dark() {
    let style = include_str!("style.css");
    let schemes: Vec<BTreeMap<&str, &str>> = style
        .split(":root{")
        .skip(1)
        .map(|rest| {
            let colours = rest.split('}').next().expect("closed");
            colours
                .split(';')
                .map(|pair| pair.split_once(':').expect("a colour"))
                .collect()
        })
        .collect();
    assert_eq!(schemes.len(), 2);
    for colours in schemes {
        let of = |a: &str, b: &str| {
            let found = contrast(
                colours[format!("--{a}").as_str()],
                colours[format!("--{b}").as_str()],
            );
            (found, format!("{a} on {b}: {found:.2}"))
        };
        // Text: 4.5 to 1.
        for back in ["bg", "panel", "model", "data", "run", "out", "other"] {
            for fore in ["fg", "soft"] {
                let (found, words) = of(fore, back);
                assert!(found >= 4.5, "{words}");
            }
        }
        for back in ["block", "flag", "undecided", "pass", "note"] {
            let (found, words) = of("ink", back);
            assert!(found >= 4.5, "{words}");
        }
        let (found, words) = of("link", "bg");
        assert!(found >= 4.5, "{words}");
        // Drawings: 3 to 1.
        for fore in [
            "one",
            "block",
            "flag",
            "undecided",
            "pass",
            "note",
            "line",
            "edge",
        ] {
            let (found, words) = of(fore, "bg");
            assert!(found >= 3.0, "{words}");
        }
    }
}

#[test]
fn a_graph_that_is_too_large_is_cut_and_says_so() {
    let mut traced = samples::upstream();
    let last = traced.walk.nodes.last().expect("a node").clone();
    for at in 0..500 {
        let mut more = last.clone();
        more.node.node.name = format!("model-{at}");
        more.depth = 9;
        traced.walk.nodes.push(more);
    }
    let drawn = lineage::svg(&traced);
    assert_eq!(drawn.matches("class=\"node ").count(), 120);
    assert!(
        drawn.contains("391 more are not drawn"),
        "{}",
        &drawn[drawn.len() - 300..]
    );
}

#[test]
fn both_ways_share_the_root_and_lose_nothing() {
    let (up, down) = (samples::upstream(), samples::downstream());
    let both = lineage::both_ways(&up, &down);
    assert_eq!(
        both.walk.nodes.len(),
        up.walk.nodes.len() + down.walk.nodes.len() - 1
    );
    assert_eq!(
        both.walk.edges.len(),
        up.walk.edges.len() + down.walk.edges.len()
    );
    assert_eq!(both.walk.nodes[0].node.node.name, "acme-y");
    for (place, meaning) in &both.meanings {
        let name = &both.walk.nodes[*place].node.node.name;
        assert_eq!(
            meaning.means == "Llama 2",
            name.contains("llama-2"),
            "{name}"
        );
    }
}

#[test]
fn commands_between_backticks_are_marked_and_lone_backticks_are_not() {
    let said = |text: &str| super::Rich::new().prose(text).0;
    assert_eq!(
        said("run `herdbook check x` now"),
        [
            super::Span::Text("run ".into()),
            super::Span::Code("herdbook check x".into()),
            super::Span::Text(" now".into()),
        ]
    );
    assert_eq!(said("a ` b"), [super::Span::Text("a ` b".into())]);
    assert_eq!(said("plain"), [super::Span::Text("plain".into())]);
}
