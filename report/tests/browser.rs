//! The page in a real browser: layout, policy, script, and accessibility.
//!
//! Needs Debian's chromium (`/usr/bin/chromium`, or the program that `CHROMIUM` names); without it the tests
//! say so and pass. `AXE_CORE=path/to/axe.min.js` (from `npm install axe-core`) adds axe-core's rules.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use report::watch::Watch;
use report::watch_page;
use serde_json::Value;
use tempfile::TempDir;

/// A browser that has not answered by then is stuck.
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs axe-core and writes what it finds as the page's only content.
const RUN_AXE: &str = "addEventListener('load', async () => {
        document.querySelectorAll('details').forEach((details) => (details.open = true));
        const found = await axe.run(document);
        const nodes = (rule) => rule.nodes.slice(0, 3).map((node) => node.html.slice(0, 200) + ' ' + node.failureSummary);
        const result = found.violations.map((rule) => [rule.id, rule.help, nodes(rule)]);
        const element = document.createElement('pre');
        element.id = 'result';
        element.textContent = JSON.stringify({ violations: result, passes: found.passes.length });
        document.body.replaceChildren(element);
    });";

/// The golden page, which shows everything that a page can show.
fn golden_page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/report.html");
    fs::read_to_string(path).unwrap()
}

/// The page of a watch that shows everything that such a page can show.
fn page_of_a_watch() -> String {
    let mut watch =
        Watch::new("http://localhost/metrics", "cargo xtask monitor --metrics http://localhost/metrics", 5.0);
    for index in 0..20u64 {
        let names = ["heap_alloc_bytes", "heap_sys_bytes", "rss_bytes", "pss_bytes", "my_bytes{kind=\"a\"}"];
        let values = names.map(|name| (name.to_string(), ((index + 1) << 20).into()));
        watch.add(index as f64 * 5.0, "2026-11-21T12:00:00Z", &values.into());
        if index == 9 {
            watch.lose("2026-11-21T12:00:50Z", "no answer: Connection refused");
        }
    }
    (watch.end, watch.notes) = ("Ended by Ctrl-C".into(), vec!["PSS is absent".into()]);
    watch_page(&watch, "memory_metrics.json").unwrap()
}

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("CHROMIUM").map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    let found = path.exists();
    if !found {
        println!("skipped: no chromium");
    }
    found.then_some(path)
}

/// What the browser has to say of a page: its document after the script has run, and its console.
struct Seen {
    document: String,
    console: Vec<String>,
}

impl Seen {
    /// The JSON that a script has written into the element `<pre id="result">`.
    fn result(&self) -> Value {
        let text =
            self.document.split("<pre id=\"result\">").nth(1).and_then(|rest| rest.split("</pre>").next());
        let text = text.unwrap_or_else(|| panic!("the script wrote no result; console: {:?}", self.console));
        let text =
            text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

/// Opens a file in a fresh browser, with a dark or a light scheme.
fn open(chromium: &Path, page: &Path, dark: bool) -> Seen {
    let profile = TempDir::new().unwrap();
    let mut command = Command::new(chromium);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--allow-file-access-from-files", "--enable-logging=stderr", "--window-size=1600,1000"])
        .arg(format!("--blink-settings=preferredColorScheme={}", if dark { 0 } else { 1 }))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let errors = std::thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).map(|_| String::from_utf8_lossy(&text).into_owned())
    });
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text).map(|_| text);
        sender.send(read).ok();
    });
    let document = receiver.recv_timeout(PATIENCE);
    if document.is_err() {
        child.kill().ok();
    }
    child.wait().unwrap();
    let errors = errors.join().unwrap().unwrap();
    let console = errors.lines().filter(|line| line.contains(":CONSOLE")).map(String::from).collect();
    Seen { document: document.expect("the browser is stuck").unwrap(), console }
}

/// Loads the page in a wide and a narrow frame, opens everything in it, and measures.
const MEASURE: &str = r##"<!doctype html><meta charset="utf-8"><body>
<iframe id="wide" src="page.html" style="border:0;width:1400px;height:800px"></iframe>
<iframe id="narrow" src="page.html" style="border:0;width:400px;height:800px"></iframe>
<script>
const measure = (frame) => {
  const page = frame.contentDocument, root = page.documentElement;
  const all = (query) => [...page.querySelectorAll(query)];
  const overflow = () => root.scrollWidth - root.clientWidth;
  const closed = overflow();
  const verdict = page.querySelector(".verdict").getBoundingClientRect();
  all("details").forEach((details) => (details.open = true));
  const flat = all("svg.chart, svg.usage").filter((chart) => {
    const box = chart.getBoundingClientRect();
    return !(box.width > 0 && box.height > 0);
  });
  const broken = all("a[href^='#']").filter((link) => !page.getElementById(link.getAttribute("href").slice(1)));
  const style = frame.contentWindow.getComputedStyle(page.body);
  return {
    overflowClosed: closed, overflowOpen: overflow(), verdict: page.querySelector(".verdict").textContent.trim(),
    verdictBottom: verdict.bottom, verdictHeight: verdict.height, charts: all("svg.chart").length, flat: flat.length,
    broken: broken.length, margin: style.marginTop, background: style.backgroundColor,
  };
};
const operate = (page) => {
  const names = () => [...page.querySelectorAll("#overview tbody tr:not([hidden]) th")].map((cell) => cell.textContent);
  page.querySelectorAll("#overview thead button")[2].click();
  const sorted = names();
  // Average heap: the sampler saw nothing of short cases.
  page.querySelectorAll("#overview thead button")[7].click();
  const last = [...page.querySelectorAll("#overview tbody tr")].at(-1).children[7].textContent;
  const input = page.querySelector("#overview input");
  input.value = "ingest 100kb";
  input.dispatchEvent(new Event("input"));
  const filtered = names();
  const glance = page.querySelector("table.glance"), rows = () => [...glance.querySelectorAll("tbody tr")];
  const column = (at) => rows().map((row) => row.children[at].dataset.sort).filter((sort) => sort !== "").map(Number);
  const heads = [...glance.querySelectorAll("thead th")];
  const columns = heads.slice(1).map((head, index) => {
    const at = index + 1;
    head.querySelector("button").click();
    const down = column(at);
    head.querySelector("button").click();
    const cells = rows().map((row) => row.children[at]);
    const best = cells.filter((cell) => cell.querySelector(".best")).map((cell) => Number(cell.dataset.sort));
    return { title: head.textContent.trim(), down, up: column(at), best };
  });
  return { columns, sorted, last, filtered, cases: page.querySelectorAll("details.case:not([hidden])").length };
};
addEventListener("load", () => {
  const result = { wide: measure(wide), narrow: measure(narrow), operated: operate(wide.contentDocument) };
  const element = document.createElement("pre");
  element.id = "result";
  element.textContent = JSON.stringify(result);
  document.body.replaceChildren(element);
});
</script>"##;

#[test]
fn the_page_fits_wide_and_narrow_screens_and_its_script_works() {
    let Some(chromium) = chromium() else { return };
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("page.html"), golden_page()).unwrap();
    let outer = folder.path().join("outer.html");
    fs::write(&outer, MEASURE).unwrap();
    let mut backgrounds = Vec::new();
    for dark in [false, true] {
        let seen = open(&chromium, &outer, dark);
        assert!(seen.console.is_empty(), "{:?}", seen.console);
        let result = seen.result();
        for frame in ["wide", "narrow"] {
            let found = &result[frame];
            assert_eq!(found["overflowClosed"], 0, "{frame}: the page scrolls sideways");
            assert_eq!(found["overflowOpen"], 0, "{frame}: the page scrolls sideways when all is open");
            assert_eq!(found["verdict"], "FAIL", "{frame}");
            assert!(found["verdictBottom"].as_f64() < Some(600.0), "{frame}: {found}");
            assert!(found["verdictHeight"].as_f64() > Some(20.0), "{frame}: {found}");
            assert!(found["charts"].as_u64() > Some(20), "{frame}: {found}");
            assert_eq!(found["flat"], 0, "{frame}: charts without a size");
            assert_eq!(found["broken"], 0, "{frame}: links that lead nowhere");
            assert_eq!(found["margin"], "0px", "{frame}: the style was refused");
        }
        backgrounds.push(result["wide"]["background"].to_string());
        let operated = &result["operated"];
        assert_eq!(
            operated["sorted"][0], "ingest/build{engine=usearch,dataset=corpus,n=10000}",
            "the largest peak comes first"
        );
        the_glance_is_sorted_and_marked(operated["columns"].as_array().unwrap());
        // With the number of its reason.
        let last = operated["last"].as_str().unwrap();
        assert!(last.starts_with('–'), "what is absent comes last: {last}");
        assert_eq!(operated["filtered"], serde_json::json!(["ingest/single_document{size=100KB}"]));
        assert_eq!(operated["cases"], 1);
    }
    assert_ne!(backgrounds[0], backgrounds[1], "dark and light look the same");
}

/// Each column of the engines at a glance sorts both ways, and its best is marked: the least or the most, but
/// of what may be evicted none.
fn the_glance_is_sorted_and_marked(columns: &[Value]) {
    assert!(columns.len() >= 8, "{columns:?}");
    for column in columns {
        let numbers = |key: &str| -> Vec<f64> {
            column[key].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
        };
        let (down, mut up, best) = (numbers("down"), numbers("up"), numbers("best"));
        assert!(up.is_sorted() && !up.is_empty(), "{column}");
        up.reverse();
        assert_eq!(down, up, "{column}");
        let title = column["title"].as_str().unwrap();
        let expected = match title {
            title if title.starts_with("may be evicted") => None,
            // Of one number alone nothing is said.
            _ if down.len() == 1 => None,
            title if title.starts_with("recall") || title.starts_with("queries") => down.first(),
            title if title.starts_with("own figure") => {
                down.iter().min_by(|a, b| a.abs().total_cmp(&b.abs()))
            }
            _ => down.last(),
        };
        match expected {
            None => assert!(best.is_empty(), "{column}"),
            Some(expected) => {
                assert!(!best.is_empty() && best.iter().all(|best| best == expected), "{column}");
            }
        }
    }
}

#[test]
fn the_policy_refuses_what_was_not_in_the_page_when_it_was_made() {
    let Some(chromium) = chromium() else { return };
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("page.html");
    for injected in
        ["<script>document.title='evil'</script>", "<p style=\"color:red\">x</p>", "<img src=\"x.png\">"]
    {
        fs::write(&path, golden_page().replace("<main>", &format!("<main>{injected}"))).unwrap();
        let seen = open(&chromium, &path, false);
        let refused = seen.console.iter().any(|line| line.contains("Content Security Policy"));
        assert!(refused, "{injected}: {:?}", seen.console);
        assert!(!seen.document.contains("<title>evil"), "{injected}");
    }
}

#[test]
fn axe_core_finds_no_violation() {
    let Some(chromium) = chromium() else { return };
    let Some(axe) = std::env::var_os("AXE_CORE") else {
        println!("skipped: axe-core (set AXE_CORE)");
        return;
    };
    let axe = fs::read_to_string(&axe).unwrap_or_else(|error| panic!("AXE_CORE={}: {error}", axe.display()));
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("page.html");
    for page in [golden_page(), page_of_a_watch()] {
        // The policy would refuse the tool itself.
        let (head, rest) = page.split_once("<meta http-equiv=\"Content-Security-Policy\"").unwrap();
        let (_, rest) = rest.split_once('>').unwrap();
        let end = format!("<script>{axe}</script><script>{RUN_AXE}</script></body>");
        fs::write(&path, format!("{head}{rest}").replace("</body>", &end)).unwrap();
        for dark in [false, true] {
            let result = open(&chromium, &path, dark).result();
            assert!(result["passes"].as_u64() > Some(15), "axe-core looked at nothing: {result}");
            assert_eq!(result["violations"], serde_json::json!([]), "dark: {dark}");
        }
    }
}

#[test]
fn the_page_of_a_watch_breaks_no_policy_of_its_own() {
    let Some(chromium) = chromium() else { return };
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("page.html");
    fs::write(&path, page_of_a_watch()).unwrap();
    let seen = open(&chromium, &path, false);
    assert!(!seen.console.iter().any(|line| line.contains("Content Security Policy")), "{:?}", seen.console);
    assert!(seen.document.contains("<title>http://localhost/metrics"), "it was opened");
}
