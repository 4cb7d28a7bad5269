//! JUnit XML: a suite of tests for each suite, a test for each case.

use std::fmt::Write;

use bench_core::run::CaseRecord;

use crate::findings::Finding;
use crate::report::Report;
use crate::verdict::Verdict;

/// A case with a failure is a failed test; one that was not measured is skipped; warnings stand in
/// `system-out`.
pub(super) fn junit(report: &Report) -> String {
    let mut suites: Vec<(&str, Vec<&CaseRecord>)> = Vec::new();
    for case in &report.run.cases {
        let suite = case.spec.id.suite.as_str();
        match suites.iter_mut().find(|(name, _)| *name == suite) {
            Some((_, cases)) => cases.push(case),
            None => suites.push((suite, vec![case])),
        }
    }
    let mut text =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"memory benchmarks\">\n");
    for (name, cases) in suites {
        let tests: Vec<String> = cases.iter().map(|case| test(case, &report.findings)).collect();
        let count = |element: &str| tests.iter().filter(|test| test.contains(element)).count();
        let _ = writeln!(
            text,
            "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" timestamp=\"{}\">",
            escaped(name),
            tests.len(),
            count("<failure "),
            count("<skipped "),
            escaped(report.run.started.trim_end_matches('Z'))
        );
        text.extend(tests);
        text.push_str("</testsuite>\n");
    }
    // What belongs to no case of the run, such as one that is missing, fails a test of its own.
    let homeless: Vec<String> = report
        .findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Fail)
        .filter(|finding| !report.run.cases.iter().any(|case| Some(&case.spec.id) == finding.case.as_ref()))
        .map(|finding| match &finding.case {
            Some(case) => format!("{case}: {}", finding.line()),
            None => finding.line(),
        })
        .collect();
    if !homeless.is_empty() {
        let _ = writeln!(
            text,
            "<testsuite name=\"run\" tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\">\n\
             <testcase classname=\"run\" name=\"the run as a whole\">\n{}</testcase>\n</testsuite>",
            failure(&homeless)
        );
    }
    text.push_str("</testsuites>\n");
    text
}

fn test(case: &CaseRecord, findings: &[Finding]) -> String {
    let id = &case.spec.id;
    let said = |verdict| -> Vec<String> {
        let of_case = findings.iter().filter(|finding| finding.case.as_ref() == Some(id));
        of_case.filter(|finding| finding.verdict == verdict).map(Finding::line).collect()
    };
    let (failed, warned) = (said(Verdict::Fail), said(Verdict::Warn));
    let mut text = format!(
        "<testcase classname=\"{}.{}\" name=\"{}\">\n",
        escaped(&id.suite),
        escaped(&id.workload),
        escaped(&id.to_string())
    );
    if !failed.is_empty() {
        text.push_str(&failure(&failed));
    } else if case.measurements.is_empty() {
        let reasons: Vec<&str> = case.spec.absent_modes.values().map(String::as_str).collect();
        let reason = reasons.first().copied().unwrap_or("not measured");
        let _ = writeln!(text, "<skipped message=\"{}\"/>", escaped(reason));
    }
    if !warned.is_empty() {
        let _ = writeln!(text, "<system-out>{}</system-out>", escaped(&warned.join("\n")));
    }
    text.push_str("</testcase>\n");
    text
}

/// One failure with all messages; GitLab shows the body and drops the attribute.
fn failure(messages: &[String]) -> String {
    let first = messages.first().map(String::as_str).unwrap_or_default();
    format!("<failure message=\"{}\">{}</failure>\n", escaped(first), escaped(&messages.join("\n")))
}

/// Text as it may stand in an attribute or between tags. What XML 1.0 cannot hold at all becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
