//! Documents that are the same on every machine: words by a fixed rule, and a value for every fast field.

use std::ops::Range;

use membench::{Result, bail};
use tantivy::schema::{FAST, Field, STORED, Schema, TEXT};
use tantivy::{DateTime, IndexWriter, TantivyDocument};

/// Which fields a document has: a text, numbers and a date as fast fields, both, or both and the text stored.
pub const FIELDS: [&str; 4] = ["text", "fast", "all", "stored"];

const WORDS: usize = 50;
const VOCABULARY: u64 = 20_000;

/// Documents, made before anything is measured.
pub struct Documents {
    schema: Schema,
    texts: Vec<String>,
    text: Option<Field>,
    fast: Option<Fast>,
}

/// One field of each type that can be fast.
struct Fast {
    unsigned: Field,
    signed: Field,
    float: Field,
    date: Field,
    flag: Field,
}

impl Documents {
    pub fn new(fields: &str, count: usize) -> Result<Documents> {
        let mut schema = Schema::builder();
        let text = match fields {
            "fast" => None,
            "text" | "all" => Some(schema.add_text_field("text", TEXT)),
            "stored" => Some(schema.add_text_field("text", TEXT | STORED)),
            other => bail!("no documents with the fields {other:?}"),
        };
        let fast = (fields != "text").then(|| Fast {
            unsigned: schema.add_u64_field("unsigned", FAST),
            signed: schema.add_i64_field("signed", FAST),
            float: schema.add_f64_field("float", FAST),
            date: schema.add_date_field("date", FAST),
            flag: schema.add_bool_field("flag", FAST),
        });
        let texts = (0..count as u64).map(text_of).collect();
        Ok(Documents { schema: schema.build(), texts, text, fast })
    }

    pub fn schema(&self) -> Schema {
        self.schema.clone()
    }

    /// The texts, and 8 bytes for each fast value.
    pub fn payload_bytes(&self) -> usize {
        let texts: usize = self.texts.iter().map(String::len).sum();
        let fast = if self.fast.is_some() { 5 * 8 * self.texts.len() } else { 0 };
        fast + if self.text.is_some() { texts } else { 0 }
    }

    pub fn add(&self, writer: &IndexWriter, range: Range<usize>) -> Result<()> {
        for number in range {
            let mut document = TantivyDocument::default();
            if let Some(field) = self.text {
                document.add_text(field, &self.texts[number]);
            }
            if let Some(fast) = &self.fast {
                let value = mixed(number as u64);
                document.add_u64(fast.unsigned, value);
                document.add_i64(fast.signed, value as i64);
                document.add_f64(fast.float, value as f64);
                document.add_date(fast.date, DateTime::from_timestamp_secs((value % 2_000_000_000) as i64));
                document.add_bool(fast.flag, value % 2 == 0);
            }
            writer.add_document(document)?;
        }
        Ok(())
    }
}

/// Words of which few are frequent and most are rare, as in a language.
fn text_of(document: u64) -> String {
    let word = |index: u64| {
        let random = (mixed(document * WORDS as u64 + index) >> 11) as f64 / (1u64 << 53) as f64;
        (VOCABULARY as f64).powf(random) as u64
    };
    let words: Vec<String> = (0..WORDS as u64).map(|index| format!("word{}", word(index))).collect();
    words.join(" ")
}

/// splitmix64: numbers without a pattern, the same everywhere.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
