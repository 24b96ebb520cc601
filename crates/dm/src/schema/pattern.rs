//! The XML Schema regular expressions that data models use: literals, `.`, classes, `\d` and escaped
//! characters, groups, `|`, `?`, `*`, `+`, `{n,m}`; anchored at both ends.
//!
//! Matching simulates all alternatives at once, so its cost is bounded by text length times pattern
//! size whatever the pattern. What it does not know (`\p{…}`, class subtraction, `\i`) it refuses to
//! judge rather than judging wrongly.

use crate::limits::{MAX_PATTERN_DEPTH, MAX_PATTERN_STEPS, MAX_PATTERN_TEXT};

/// Whether the whole text matches; none if the pattern uses what this matcher does not know.
pub fn matches(pattern: &str, text: &str) -> Option<bool> {
    let program = Program::compile(pattern)?;
    if text.chars().count() > MAX_PATTERN_TEXT {
        return Some(false);
    }
    Some(program.run(text))
}

#[derive(Clone, Debug)]
enum Step {
    Char(char),
    Any,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// Go on at both places.
    Split(usize, usize),
    Jump(usize),
    End,
}

struct Program(Vec<Step>);

impl Program {
    fn compile(pattern: &str) -> Option<Program> {
        let mut parser = Parser { rest: pattern.chars().peekable(), depth: 0 };
        let mut steps = parser.alternatives()?;
        if parser.rest.next().is_some() {
            return None;
        }
        steps.push(Step::End);
        Some(Program(steps))
    }

    fn run(&self, text: &str) -> bool {
        let mut now = vec![false; self.0.len()];
        self.enter(0, &mut now);
        for c in text.chars() {
            let mut next = vec![false; self.0.len()];
            for (at, step) in self.0.iter().enumerate().filter(|(at, _)| now[*at]) {
                let taken = match step {
                    Step::Char(known) => *known == c,
                    Step::Any => c != '\n' && c != '\r',
                    Step::Class { negated, ranges } => {
                        ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
                    }
                    Step::Split(..) | Step::Jump(_) | Step::End => false,
                };
                if taken {
                    self.enter(at + 1, &mut next);
                }
            }
            now = next;
        }
        now.last().copied().unwrap_or(false)
    }

    /// Marks a place and all that it leads to without taking a character.
    fn enter(&self, start: usize, marked: &mut [bool]) {
        let mut pending = vec![start];
        while let Some(at) = pending.pop() {
            if std::mem::replace(&mut marked[at], true) {
                continue;
            }
            match self.0[at] {
                Step::Split(a, b) => pending.extend([a, b]),
                Step::Jump(to) => pending.push(to),
                _ => {}
            }
        }
    }
}

struct Parser<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    depth: usize,
}

impl Parser<'_> {
    fn alternatives(&mut self) -> Option<Vec<Step>> {
        let mut steps = self.sequence()?;
        while self.rest.next_if_eq(&'|').is_some() {
            let other = self.sequence()?;
            let (first, second) = (steps.len(), other.len());
            let mut both = vec![Step::Split(1, first + 2)];
            append(&mut both, steps)?;
            both.push(Step::Jump(first + 2 + second));
            append(&mut both, other)?;
            steps = both;
        }
        Some(steps)
    }

    fn sequence(&mut self) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        while let Some(c) = self.rest.next_if(|c| !matches!(c, '|' | ')')) {
            let atom = self.atom(c)?;
            let repeated = self.quantified(atom)?;
            append(&mut steps, repeated)?;
        }
        Some(steps)
    }

    fn atom(&mut self, c: char) -> Option<Vec<Step>> {
        Some(match c {
            '(' => {
                self.depth += 1;
                if self.depth > MAX_PATTERN_DEPTH {
                    return None;
                }
                let inner = self.alternatives()?;
                self.rest.next_if_eq(&')')?;
                self.depth -= 1;
                inner
            }
            '.' => vec![Step::Any],
            '[' => vec![self.class()?],
            '\\' => vec![self.escape()?],
            '*' | '+' | '?' | '{' | '}' | ']' | '^' | '$' => return None,
            literal => vec![Step::Char(literal)],
        })
    }

    fn escape(&mut self) -> Option<Step> {
        let c = self.rest.next()?;
        Some(match c {
            'd' => Step::Class { negated: false, ranges: vec![('0', '9')] },
            'D' => Step::Class { negated: true, ranges: vec![('0', '9')] },
            's' => Step::Class { negated: false, ranges: vec![(' ', ' '), ('\t', '\n'), ('\r', '\r')] },
            'n' => Step::Char('\n'),
            't' => Step::Char('\t'),
            'r' => Step::Char('\r'),
            letter if letter.is_ascii_alphanumeric() => return None,
            literal => Step::Char(literal),
        })
    }

    fn class(&mut self) -> Option<Step> {
        let negated = self.rest.next_if_eq(&'^').is_some();
        let mut ranges = Vec::new();
        loop {
            let low = match self.rest.next()? {
                ']' if !ranges.is_empty() => return Some(Step::Class { negated, ranges }),
                '[' | ']' => return None,
                '\\' => match self.escape()? {
                    Step::Char(c) => c,
                    Step::Class { negated: false, ranges: inner } => {
                        ranges.extend(inner);
                        continue;
                    }
                    _ => return None,
                },
                c => c,
            };
            let mut high = low;
            if self.rest.peek() == Some(&'-') {
                self.rest.next();
                match self.rest.peek()? {
                    ']' => ranges.push(('-', '-')),
                    '[' | '\\' => return None,
                    _ => high = self.rest.next()?,
                }
            }
            if low > high {
                return None;
            }
            ranges.push((low, high));
        }
    }

    fn quantified(&mut self, atom: Vec<Step>) -> Option<Vec<Step>> {
        let (min, max) = match self.rest.peek() {
            Some('?') => (0, Some(1)),
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('{') => {
                self.rest.next();
                let counts = self.counts()?;
                self.lazy();
                return repeat(&atom, counts.0, counts.1);
            }
            _ => return Some(atom),
        };
        self.rest.next();
        self.lazy();
        repeat(&atom, min, max)
    }

    /// A `?` after a quantifier means "as few as possible" elsewhere, and the same language here.
    fn lazy(&mut self) {
        self.rest.next_if_eq(&'?');
    }

    fn counts(&mut self) -> Option<(usize, Option<usize>)> {
        let min = self.number()?;
        match self.rest.next()? {
            '}' => Some((min, Some(min))),
            ',' => {
                let max = if self.rest.peek() == Some(&'}') { None } else { Some(self.number()?) };
                self.rest.next_if_eq(&'}')?;
                Some((min, max)).filter(|(min, max)| max.is_none_or(|max| max >= *min))
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<usize> {
        let mut digits = String::new();
        while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        digits.parse().ok().filter(|number| *number <= MAX_PATTERN_STEPS)
    }
}

fn repeat(atom: &[Step], min: usize, max: Option<usize>) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for _ in 0..min {
        append(&mut steps, atom.to_vec())?;
    }
    match max {
        None => {
            let here = steps.len();
            append(&mut steps, vec![Step::Split(1, atom.len() + 2)])?;
            append(&mut steps, atom.to_vec())?;
            steps.push(Step::Jump(here));
        }
        Some(max) => {
            for _ in min..max {
                append(&mut steps, vec![Step::Split(1, atom.len() + 1)])?;
                append(&mut steps, atom.to_vec())?;
            }
        }
    }
    Some(steps)
}

/// Puts steps behind others; their targets are counted from their own start.
fn append(steps: &mut Vec<Step>, more: Vec<Step>) -> Option<()> {
    let offset = steps.len();
    if offset + more.len() > MAX_PATTERN_STEPS {
        return None;
    }
    steps.extend(more.into_iter().map(|step| match step {
        Step::Split(a, b) => Step::Split(a + offset, b + offset),
        Step::Jump(to) => Step::Jump(to + offset),
        other => other,
    }));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn judges_the_patterns_of_tr_181() {
        let ipv4 = r"((25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])";
        let mac = "([0-9A-Fa-f][0-9A-Fa-f]:){5}([0-9A-Fa-f][0-9A-Fa-f])";
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "x", false),
            (ipv4, "192.168.1.254", true),
            (ipv4, "192.168.1.256", false),
            (ipv4, "192.168.1", false),
            (mac, "00:1A:2b:3c:4d:5e", true),
            (mac, "00-1A-2b-3c-4d-5e", false),
            ("[0-9A-F]{6}", "00AB12", true),
            ("[0-9A-F]{6}", "00ab12", false),
            ("[0-9A-F]{6}", "00AB123", false),
            (r"\d+(\.\d+)*", "1.10.2", true),
            (r"\d+(\.\d+)*", "1..2", false),
            ("[A-Z][A-Z][ OI]", "DE ", true),
            ("[A-Z][A-Z][ OI]", "DEX", false),
            (r"\d{4}|\d{8}", "12345678", true),
            (r"\d{4}|\d{8}", "123456", false),
            ("([0-7],){15}[0-7]", "0,1,2,3,4,5,6,7,0,1,2,3,4,5,6,7", true),
            ("X [0-9A-F]{6} .*", "X 00D09E anything", true),
            ("([0-9]{1,15}?[BKMGT])", "512M", true),
            ("[0-9]|[1-5][0-9]|6[0-3]", "63", true),
            ("[0-9]|[1-5][0-9]|6[0-3]", "64", false),
            ("(a*)*", "aaab", false),
        ] {
            assert_eq!(matches(pattern, text), Some(expected), "{pattern} {text:?}");
        }
    }

    #[test]
    fn refuses_to_judge_what_it_does_not_know() {
        for pattern in [r"\p{L}", "[a-z-[aeiou]]", "(", ")", "a{2", "*", "[z-a]", "((a{900}){900})", "[]"] {
            assert_eq!(matches(pattern, "a"), None, "{pattern}");
        }
    }
}
