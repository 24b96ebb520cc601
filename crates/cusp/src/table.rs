//! A small column printer. Texts come from devices, so control characters are shown, not obeyed.
//!
//! It counts characters, not the cells that a terminal gives them: wide scripts may shift a column.

/// The narrowest that a column is cut to.
const NARROWEST: usize = 8;

/// Lines of columns.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With these headings.
    pub(crate) fn new(headings: &[&str]) -> Self {
        Table { rows: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()] }
    }

    /// Adds a line, of as many texts as there are headings.
    pub(crate) fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(|cell| clean(cell.as_ref())).collect());
    }

    /// The text. Where there is a width, the widest columns are cut until the lines fit.
    pub(crate) fn render(&self, width: Option<usize>) -> String {
        let widths = self.widths(width);
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let cell = cut(cell, *width);
                line.push_str(&cell);
                line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn widths(&self, limit: Option<usize>) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..columns).map(widest).collect();
        let Some(limit) = limit else { return widths };
        let gaps = 2 * columns.saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > limit {
            match widths.iter_mut().max() {
                Some(width) if *width > NARROWEST => *width -= 1,
                _ => break,
            }
        }
        widths
    }
}

fn cut(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    cell.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// The text with control characters shown by their escapes.
pub(crate) fn clean(text: &str) -> String {
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if obeyed(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{Table, clean};

    fn sample() -> Table {
        let mut table = Table::new(&["NAME", "VALUE"]);
        table.row(["Device.DeviceInfo.SerialNumber", "A1"]);
        table.row(["é", "a\tb\nc"]);
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        assert_eq!(
            sample().render(None),
            "NAME                            VALUE\n\
             Device.DeviceInfo.SerialNumber  A1\n\
             é                               a\\tb\\nc\n"
        );
    }

    #[test]
    fn the_widest_column_is_cut_to_fit() {
        assert_eq!(
            sample().render(Some(24)),
            "NAME             VALUE\n\
             Device.DeviceI…  A1\n\
             é                a\\tb\\nc\n"
        );
    }

    #[test]
    fn it_does_not_cut_to_nothing() {
        assert_eq!(sample().render(Some(1)).lines().nth(1), Some("Device.…  A1"));
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(clean("a\u{1b}[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
    }
}
