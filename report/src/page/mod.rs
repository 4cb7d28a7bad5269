//! The HTML page: what the template may see, every string ready, and the template's rendering.

mod case;
mod column;
mod comparison;
mod coverage;
mod engines;
mod findings;
mod header;
mod history;
mod limits;
mod method;
mod overview;
mod security;
mod suites;
mod watch;

use anyhow::{Context as _, Result};
use bench_core::case::{CaseId, Kind};
use bench_core::run::Run;
use serde::Serialize;
use tera::{Context, Tera};

use crate::report::Report;

pub use watch::watch_page;

/// The page's parts by the name that the main template includes them by. The ending decides that tera
/// escapes.
const TEMPLATES: [(&str, &str); 12] = [
    ("report.html", include_str!("../../templates/report.html.tera")),
    ("marks.html", include_str!("../../templates/marks.html.tera")),
    ("header.html", include_str!("../../templates/header.html.tera")),
    ("findings.html", include_str!("../../templates/findings.html.tera")),
    ("comparison.html", include_str!("../../templates/comparison.html.tera")),
    ("suites.html", include_str!("../../templates/suites.html.tera")),
    ("glance.html", include_str!("../../templates/glance.html.tera")),
    ("engines.html", include_str!("../../templates/engines.html.tera")),
    ("tables.html", include_str!("../../templates/tables.html.tera")),
    ("case.html", include_str!("../../templates/case.html.tera")),
    ("method.html", include_str!("../../templates/method.html.tera")),
    ("watch.html", include_str!("../../templates/watch.html.tera")),
];
const STYLE: &str = include_str!("../../templates/report.css");
const SCRIPT: &str = include_str!("../../templates/report.js");

/// All that the template may see.
#[derive(Serialize)]
struct Page {
    title: String,
    policy: String,
    style: &'static str,
    script: &'static str,
    header: header::Header,
    findings: Vec<findings::FindingItem>,
    comparison: Option<comparison::Compared>,
    suites: Vec<suites::SuiteView>,
    glance: Option<engines::glance::Glance>,
    engines: Option<engines::Engines>,
    overview: Option<overview::Overview>,
    cases: Vec<case::CaseView>,
    calibrations: Calibrations,
    limits: Vec<limits::LimitRow>,
    instruments: String,
    coverage: Vec<coverage::Gap>,
    history: Option<history::Runs>,
    method: method::Method,
}

/// The cases that check the instruments.
#[derive(Serialize)]
struct Calibrations {
    overview: Option<overview::Overview>,
    cases: Vec<case::CaseView>,
}

/// A link to a case's own section.
#[derive(Clone, Serialize)]
struct Link {
    text: String,
    /// The text in parts between which a line may break.
    parts: Vec<String>,
    anchor: String,
}

/// The whole page as HTML: one file that needs no network and can be read without script.
///
/// # Errors
/// Only if a chart or the template cannot be rendered, which is a mistake in this crate.
pub fn page(report: &Report) -> Result<String> {
    let of_kind = |calibrates: bool| {
        let all = report.run.cases.iter().enumerate();
        let cases = all.filter(move |(_, record)| record.spec.is(Kind::Calibration) == calibrates);
        cases.map(|(index, record)| case::case(index, record, report)).collect::<Result<_>>()
    };
    let compared = report.comparison.as_ref().map(|found| comparison::compared(report.run, found, report));
    let page = Page {
        title: format!("{} · memory benchmarks · {}", report.verdict().word().to_uppercase(), report.run.id),
        policy: security::policy(STYLE, SCRIPT),
        style: STYLE,
        script: SCRIPT,
        header: header::header(report),
        findings: findings::findings(report),
        comparison: compared.transpose()?,
        suites: suites::suites(report)?,
        glance: engines::glance::glance(report)?,
        engines: engines::engines(report)?,
        overview: overview::overview(report),
        cases: of_kind(false)?,
        calibrations: Calibrations { overview: overview::calibrations(report), cases: of_kind(true)? },
        limits: limits::limits(report),
        instruments: coverage::instruments(report),
        coverage: coverage::coverage(report),
        history: history::runs(report),
        method: method::method(report.run),
    };
    render("report.html", &page)
}

fn render(template: &str, page: &impl Serialize) -> Result<String> {
    let mut tera = Tera::default();
    tera.set_escape_fn(escape);
    tera.add_raw_templates(TEMPLATES).context("the page's template is malformed")?;
    let context = Context::from_serialize(page).context("the page's content")?;
    tera.render(template, &context).map(|page| light(&page)).context("render the page")
}

/// The page without the end tags that HTML lets out (HTML standard, "optional tags"): in tables and lists, of
/// which it mostly consists, they are a tenth of the bytes.
fn light(page: &str) -> String {
    let tags = ["</td>", "</th>", "</tr>", "</thead>", "</tbody>", "</li>", "</dt>", "</dd>"];
    tags.iter().fold(page.to_string(), |page, tag| page.replace(tag, ""))
}

/// Text as it may stand between tags and in quoted attributes. tera's own also writes `/` as six characters,
/// which makes a page full of paths a tenth heavier and no safer.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The id of a case's section in the page.
fn anchor(index: usize) -> String {
    format!("case-{index}")
}

fn link(run: &Run, id: &CaseId) -> Link {
    let index = run.cases.iter().position(|case| case.spec.id == *id);
    let text = id.to_string();
    Link { parts: name_parts(&text), text, anchor: index.map(anchor).unwrap_or_default() }
}

/// A case's name in parts between which a line may break.
fn name_parts(text: &str) -> Vec<String> {
    text.split_inclusive(['/', '{', ',']).map(str::to_string).collect()
}
