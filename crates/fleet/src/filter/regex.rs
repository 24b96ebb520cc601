//! The regular expressions of filters: literals, classes, `. * + ? |` and groups, anchored at both ends.
//!
//! Matching runs all alternatives side by side, so that no pattern makes it slow: time is the length of
//! the text times the length of the pattern.

use crate::limits;

/// A compiled expression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Regex {
    pattern: String,
    program: Vec<Step>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    /// One character.
    One(Class),
    /// Go on at both.
    Split(usize, usize),
    /// Go on there.
    Jump(usize),
    /// The whole pattern has matched.
    End,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Class {
    negated: bool,
    ranges: Vec<(char, char)>,
}

/// The parsed pattern.
enum Node {
    Empty,
    One(Class),
    Sequence(Vec<Node>),
    Either(Vec<Node>),
    Repeat { node: Box<Node>, least_one: bool, many: bool },
}

const GROUP_DEPTH: usize = 16;

impl Regex {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// One sentence on what is wrong with it.
    pub fn new(pattern: &str) -> Result<Self, String> {
        if pattern.len() > limits::REGEX_BYTES {
            return Err(format!("a regular expression has at most {} bytes", limits::REGEX_BYTES));
        }
        let mut chars = pattern.chars().peekable();
        let node = either(&mut chars, 0)?;
        if chars.next().is_some() {
            return Err("a group is closed that was not opened".to_owned());
        }
        let mut program = Vec::new();
        compile(&node, &mut program);
        program.push(Step::End);
        Ok(Regex { pattern: pattern.to_owned(), program })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Whether the whole text matches. A text beyond [`limits::REGEX_TEXT`] does not.
    pub fn is_match(&self, text: &str) -> bool {
        if text.len() > limits::REGEX_TEXT {
            return false;
        }
        let mut now = vec![false; self.program.len()];
        self.enter(0, &mut now);
        for c in text.chars() {
            let mut next = vec![false; self.program.len()];
            for (at, step) in self.program.iter().enumerate().filter(|(at, _)| now[*at]) {
                if matches!(step, Step::One(class) if class.holds(c)) {
                    self.enter(at + 1, &mut next);
                }
            }
            now = next;
        }
        now.last().copied().unwrap_or(false)
    }

    /// Marks a step and every step that is reached from it without a character.
    fn enter(&self, from: usize, marks: &mut [bool]) {
        let mut todo = vec![from];
        while let Some(at) = todo.pop() {
            if std::mem::replace(&mut marks[at], true) {
                continue;
            }
            match &self.program[at] {
                Step::Split(left, right) => todo.extend([*left, *right]),
                Step::Jump(to) => todo.push(*to),
                Step::One(_) | Step::End => {}
            }
        }
    }
}

impl Class {
    fn holds(&self, c: char) -> bool {
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != self.negated
    }

    fn only(c: char) -> Self {
        Class { negated: false, ranges: vec![(c, c)] }
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn either(chars: &mut Chars<'_>, depth: usize) -> Result<Node, String> {
    let mut options = vec![sequence(chars, depth)?];
    while chars.next_if_eq(&'|').is_some() {
        options.push(sequence(chars, depth)?);
    }
    Ok(if options.len() == 1 { options.remove(0) } else { Node::Either(options) })
}

fn sequence(chars: &mut Chars<'_>, depth: usize) -> Result<Node, String> {
    let mut nodes = Vec::new();
    while let Some(c) = chars.next_if(|c| !matches!(c, '|' | ')')) {
        let node = match c {
            '(' if depth >= GROUP_DEPTH => return Err(format!("groups nest at most {GROUP_DEPTH} deep")),
            '(' => {
                let inner = either(chars, depth + 1)?;
                chars.next_if_eq(&')').ok_or("a group is not closed")?;
                inner
            }
            '[' => Node::One(class(chars)?),
            '.' => Node::One(Class { negated: true, ranges: Vec::new() }),
            '*' | '+' | '?' => return Err(format!("there is nothing for {c:?} to repeat")),
            '\\' => Node::One(Class::only(chars.next().ok_or("it ends in a backslash")?)),
            '{' | '}' | '^' | '$' => return Err(format!("{c:?} is written \\{c} here")),
            c => Node::One(Class::only(c)),
        };
        nodes.push(match chars.next_if(|c| matches!(c, '*' | '+' | '?')) {
            None => node,
            Some(sign) => Node::Repeat { node: Box::new(node), least_one: sign == '+', many: sign != '?' },
        });
    }
    Ok(if nodes.is_empty() { Node::Empty } else { Node::Sequence(nodes) })
}

fn class(chars: &mut Chars<'_>) -> Result<Class, String> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    let character = |chars: &mut Chars<'_>| -> Result<Option<char>, String> {
        match chars.next().ok_or("a class is not closed")? {
            ']' => Ok(None),
            '\\' => Ok(Some(chars.next().ok_or("a class is not closed")?)),
            c => Ok(Some(c)),
        }
    };
    while let Some(low) = character(chars)? {
        if chars.peek() != Some(&'-') {
            ranges.push((low, low));
            continue;
        }
        chars.next();
        match character(chars)? {
            Some(high) if low <= high => ranges.push((low, high)),
            Some(_) => return Err("a range of a class runs backwards".to_owned()),
            None => {
                ranges.extend([(low, low), ('-', '-')]);
                break;
            }
        }
    }
    if ranges.is_empty() { Err("a class is empty".to_owned()) } else { Ok(Class { negated, ranges }) }
}

fn compile(node: &Node, program: &mut Vec<Step>) {
    match node {
        Node::Empty => {}
        Node::One(class) => program.push(Step::One(class.clone())),
        Node::Sequence(nodes) => nodes.iter().for_each(|node| compile(node, program)),
        Node::Either(options) => compile_either(options, program),
        Node::Repeat { node, least_one, many } => {
            let start = program.len();
            if !least_one {
                program.push(Step::Jump(0));
            }
            let body = program.len();
            compile(node, program);
            match (least_one, many) {
                (true, _) => program.push(Step::Split(start, program.len() + 1)),
                (false, true) => {
                    program.push(Step::Jump(start));
                    program[start] = Step::Split(body, program.len());
                }
                (false, false) => program[start] = Step::Split(body, program.len()),
            }
        }
    }
}

fn compile_either(options: &[Node], program: &mut Vec<Step>) {
    let mut ends = Vec::new();
    for (index, option) in options.iter().enumerate() {
        let last = index + 1 == options.len();
        let split = program.len();
        if !last {
            program.push(Step::Jump(0));
        }
        compile(option, program);
        if !last {
            ends.push(program.len());
            program.push(Step::Jump(0));
            program[split] = Step::Split(split + 1, program.len());
        }
    }
    let end = program.len();
    for at in ends {
        program[at] = Step::Jump(end);
    }
}
