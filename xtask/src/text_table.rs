//! A table for people at a terminal: aligned columns under a bold heading.

use std::fmt::Write;

use anstyle::Style;

/// On which side a column's cells begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Draws the table, with the heading in bold. `align` says it for the first columns; the others hold numbers.
pub fn text_table(head: &[&str], rows: &[Vec<String>], align: &[Align]) -> String {
    let head: Vec<String> = head.iter().map(|cell| cell.to_string()).collect();
    let width = |column: usize| {
        let cells = [&head].into_iter().chain(rows).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    for (row, style) in
        [(&head, Style::new().bold())].into_iter().chain(rows.iter().map(|row| (row, Style::new())))
    {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            let _ = match align.get(column).unwrap_or(&Align::Right) {
                Align::Left => write!(line, "{gap}{cell:<width$}"),
                Align::Right => write!(line, "{gap}{cell:>width$}"),
            };
        }
        let _ = writeln!(text, "{style}{}{style:#}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [["a", "1 B", "x"], ["long", "1,024 B", "yy"]];
        let rows = rows.map(|row| row.map(String::from).to_vec());
        let table = text_table(&["name", "size", "place"], &rows, &[Align::Left, Align::Right, Align::Left]);
        let plain = anstream::adapter::strip_str(&table).to_string();
        assert_eq!(plain, "name     size  place\na         1 B  x\nlong  1,024 B  yy\n");
    }
}
