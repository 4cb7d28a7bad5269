//! A table for people: aligned columns under a bold heading, no wider than the terminal.

use anstyle::Style;

/// On which side a column's cells begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Align {
    /// Text. Cut in the middle where the terminal is too narrow.
    Left,
    /// Numbers. Never cut.
    Right,
}

/// A line of the table, and what stands below it.
#[derive(Default)]
pub struct TableRow {
    /// One text for each column.
    pub cells: Vec<String>,
    /// The style of the last cell.
    pub last: Style,
    /// Whole lines below the row, each with its end; empty for none.
    pub below: String,
}

/// The narrowest that a column of text is cut to.
const NARROWEST: usize = 16;
/// Between two columns.
const GAP: &str = "  ";

/// Draws the table. `align` says it for the first columns; the others hold numbers.
pub fn text_table(head: &[&str], rows: &[Vec<String>], align: &[Align]) -> String {
    let rows = rows.iter().map(|cells| TableRow { cells: cells.clone(), ..TableRow::default() });
    styled_table(head, &rows.collect::<Vec<TableRow>>(), align)
}

/// Draws a table whose last column has colours.
pub fn styled_table(head: &[&str], rows: &[TableRow], align: &[Align]) -> String {
    draw(head, rows, align, terminal_columns())
}

/// The width of the terminal that stdout is; `None` where it is a file or a pipe, which take everything.
fn terminal_columns() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
    (width.0 > 0).then_some(usize::from(width.0))
}

fn draw(head: &[&str], rows: &[TableRow], align: &[Align], most: Option<usize>) -> String {
    let head: Vec<String> = head.iter().map(|cell| cell.to_string()).collect();
    let align: Vec<Align> =
        (0..head.len()).map(|column| *align.get(column).unwrap_or(&Align::Right)).collect();
    let all = || [&head].into_iter().chain(rows.iter().map(|row| &row.cells));
    let mut widths: Vec<usize> = (0..head.len())
        .map(|column| {
            all().filter_map(|cells| cells.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    if let Some(most) = most {
        fit(&mut widths, &align, most);
    }
    let bold = Style::new().bold();
    let mut text = line(&head, &widths, &align, bold, bold);
    for row in rows {
        text.push_str(&line(&row.cells, &widths, &align, Style::new(), row.last));
        text.push_str(&row.below);
    }
    text
}

/// Narrows the widest column of text, again and again, until the line has at most so many characters.
fn fit(widths: &mut [usize], align: &[Align], most: usize) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(most);
    while excess > 0 {
        let texts = (0..widths.len()).filter(|column| align[*column] == Align::Left);
        let Some(widest) = texts.max_by_key(|column| widths[*column]).filter(|w| widths[*w] > NARROWEST)
        else {
            return;
        };
        widths[widest] -= 1;
        excess -= 1;
    }
}

fn line(cells: &[String], widths: &[usize], align: &[Align], style: Style, last: Style) -> String {
    let end = widths.len().saturating_sub(1);
    let mut line = String::new();
    for (column, (cell, &width)) in cells.iter().zip(widths).enumerate() {
        let cell = cut_middle(cell, width);
        let padded = match align[column] {
            Align::Left if column == end => cell,
            Align::Left => format!("{cell:width$}"),
            Align::Right => format!("{cell:>width$}"),
        };
        let gap = if column == 0 { "" } else { GAP };
        let style = if column == end { last } else { style };
        line.push_str(&format!("{gap}{style}{padded}{style:#}"));
    }
    format!("{}\n", line.trim_end())
}

/// At most so many characters of a text, cut in the middle: a path's end and a parameter's value tell most.
pub fn cut_middle(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.into();
    }
    let kept = most.saturating_sub(1);
    let start = text.chars().take(kept / 2);
    let end = text.chars().skip(length - (kept - kept / 2));
    start.chain(['…']).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIGN: [Align; 3] = [Align::Left, Align::Right, Align::Left];

    fn rows(rows: &[[&str; 3]]) -> Vec<TableRow> {
        let row =
            |cells: &[&str; 3]| TableRow { cells: cells.map(String::from).to_vec(), ..TableRow::default() };
        rows.iter().map(row).collect()
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [["a", "1 B", "x"], ["long", "1,024 B", "yy"]];
        let rows = rows.map(|row| row.map(String::from).to_vec());
        let table = text_table(&["name", "size", "place"], &rows, &ALIGN);
        assert_eq!(plain(&table), "name     size  place\na         1 B  x\nlong  1,024 B  yy\n");
    }

    #[test]
    fn a_narrow_terminal_cuts_texts_in_the_middle_and_no_number() {
        let rows = rows(&[
            ["ingest/build{engine=usearch,n=1000,threads=1}", "1,024 B", "src/a/very/long/path.rs:100"],
            ["vectors/a", "1 B", "src/b.rs:1"],
        ]);
        for most in [50, 60, 80] {
            let table = plain(&draw(&["case", "size", "place"], &rows, &ALIGN, Some(most)));
            let widest = table.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= most && widest + 2 >= most, "{widest} of {most}:\n{table}");
            assert!(table.contains("1,024 B") && table.contains("vectors/a") && table.contains("src/b.rs:1"));
            assert!(
                table.contains("ingest/b") && table.contains("s=1}") && table.contains("rs:100"),
                "{table}"
            );
        }
        // Numbers stay whole where nothing can be cut any more.
        let table = plain(&draw(&["case", "size", "place"], &rows, &ALIGN, Some(10)));
        assert!(table.contains("1,024 B"), "{table}");
        let whole = plain(&draw(&["case", "size", "place"], &rows, &ALIGN, None));
        assert!(whole.contains("ingest/build{engine=usearch,n=1000,threads=1}"), "{whole}");
    }

    #[test]
    fn what_is_cut_keeps_its_start_and_its_end() {
        for (most, expected) in [(9, "abcdefghi"), (8, "abc…fghi"), (3, "a…i"), (1, "…"), (0, "…")] {
            assert_eq!(cut_middle("abcdefghi", most), expected);
        }
        assert_eq!(cut_middle("äöüß", 3), "ä…ß");
    }
}
