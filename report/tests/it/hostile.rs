//! Runs that nobody measured: whatever stands in a file that can be read, judging, comparing and exporting
//! come to an end without a panic, and nothing in it becomes markup.

use bench_core::run::Run;
use fastrand::Rng;
use report::compare::compare;
use report::export::{Format, export};
use report::{Report, Thresholds, judge, page};
use serde_json::{Value, json};

use crate::sample;

const EVIL: &str = "<script>alert(1)</script>";

/// One value in the place of another.
fn nonsense(rng: &mut Rng) -> Value {
    match rng.u8(0..12) {
        0 => json!(0),
        1 => json!(-1),
        2 => json!(u64::MAX),
        3 => json!(i64::MIN),
        4 => json!(1e308),
        5 => json!(-1e308),
        6 => json!(5e-324),
        7 => json!(EVIL),
        8 => json!("../../etc/passwd\0"),
        9 => json!([]),
        10 => json!({}),
        _ => Value::Null,
    }
}

/// Changes one place somewhere below `value`: replaced, removed or doubled.
fn spoil(value: &mut Value, rng: &mut Rng) {
    match value {
        Value::Array(items) if !items.is_empty() && rng.u8(0..20) > 0 => {
            let index = rng.usize(0..items.len());
            match rng.u8(0..20) {
                0 => drop(items.remove(index)),
                1 => items.push(items[index].clone()),
                _ => spoil(&mut items[index], rng),
            }
        }
        Value::Object(fields) if !fields.is_empty() && rng.u8(0..40) > 0 => {
            let key = fields.keys().nth(rng.usize(0..fields.len())).unwrap().clone();
            match rng.u8(0..40) {
                0 => drop(fields.remove(&key)),
                _ => spoil(&mut fields[&key], rng),
            }
        }
        // A number stays a number and a text a text more often than not, so that the file can still be read.
        Value::Number(_) if rng.u8(0..8) > 0 => {
            *value =
                [json!(u64::MAX), json!(0), json!(rng.u64(..)), json!(rng.u8(..))][rng.usize(0..4)].clone();
        }
        Value::String(_) if rng.u8(0..4) > 0 => *value = json!(EVIL),
        _ => *value = nonsense(rng),
    }
}

#[test]
fn no_file_that_can_be_read_makes_a_judgement_panic() {
    let whole = sample::run();
    let json = serde_json::to_value(&whole).unwrap();
    let thresholds = Thresholds::parse(sample::THRESHOLDS, "results/thresholds.toml").unwrap();
    let mut read = 0;
    for seed in 0..400 {
        let mut rng = Rng::with_seed(seed);
        let mut spoiled = json.clone();
        for _ in 0..rng.usize(1..4) {
            spoil(&mut spoiled, &mut rng);
        }
        let Ok(run) = serde_json::from_value::<Run>(spoiled) else { continue };
        read += 1;
        for (old, new) in [(&whole, &run), (&run, &whole)] {
            let comparison = compare("main", old, new, &thresholds, sample::TODAY);
            let judgement = judge(new, &thresholds, sample::TODAY);
            let report = Report::new(new, judgement, Some(comparison), None);
            for format in Format::ALL {
                let text = export(format, &report);
                if format == Format::JUnit {
                    roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                }
            }
            if seed % 20 == 0 {
                let page = page(&report).unwrap();
                assert_eq!(page.matches("<script").count(), 1, "seed {seed}: only the page's own script");
            }
        }
    }
    assert!(read > 50, "only {read} of the files could be read, so hardly anything was tried");
}
