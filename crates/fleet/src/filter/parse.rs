//! From words to a checked tree: `||` binds weakest, then `&&`, then `!`.

use super::lex::{Token, bad, lex, when};
use super::{Expr, Order, Regex, TextColumn, TextTest, Version};
use crate::{Error, limits};

pub(super) fn parse(text: &str) -> Result<Expr, Error> {
    if text.len() > limits::FILTER_BYTES {
        return Err(bad(0, format!("a filter has at most {} bytes", limits::FILTER_BYTES)));
    }
    let mut parser = Parser { end: text.chars().count(), tokens: lex(text)?, next: 0, terms: 0 };
    let expr = parser.any(0)?;
    match parser.tokens.get(parser.next) {
        None => Ok(expr),
        Some((at, _)) => Err(bad(*at, "an operator or the end was expected here")),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
    terms: usize,
}

impl Parser {
    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.next), Some((_, Token::Sign(one))) if *one == sign);
        self.next += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.next), Some((_, Token::Word(one))) if one == word);
        self.next += usize::from(found);
        found
    }

    fn need(&mut self, sign: &str) -> Result<(), Error> {
        if self.take(sign) { Ok(()) } else { Err(bad(self.at(), format!("{sign:?} was expected here"))) }
    }

    fn text(&mut self) -> Result<String, Error> {
        match self.tokens.get(self.next) {
            Some((_, Token::Text(text))) => {
                let text = text.clone();
                self.next += 1;
                Ok(text)
            }
            _ => Err(bad(self.at(), "a text in double quotes was expected here")),
        }
    }

    fn any(&mut self, depth: usize) -> Result<Expr, Error> {
        if depth > limits::FILTER_DEPTH {
            return Err(bad(self.at(), format!("a filter nests at most {} deep", limits::FILTER_DEPTH)));
        }
        let mut parts = vec![self.all(depth)?];
        while self.take("||") {
            parts.push(self.all(depth)?);
        }
        Ok(join(parts, Expr::Or))
    }

    fn all(&mut self, depth: usize) -> Result<Expr, Error> {
        let mut parts = vec![self.one(depth)?];
        while self.take("&&") {
            parts.push(self.one(depth)?);
        }
        Ok(join(parts, Expr::And))
    }

    fn one(&mut self, depth: usize) -> Result<Expr, Error> {
        if depth > limits::FILTER_DEPTH {
            return Err(bad(self.at(), format!("a filter nests at most {} deep", limits::FILTER_DEPTH)));
        }
        if self.take("!") {
            return Ok(Expr::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.take("(") {
            let inner = self.any(depth + 1)?;
            self.need(")")?;
            return Ok(inner);
        }
        self.terms += 1;
        if self.terms > limits::FILTER_TERMS {
            return Err(bad(self.at(), format!("a filter has at most {} comparisons", limits::FILTER_TERMS)));
        }
        self.term()
    }

    fn term(&mut self) -> Result<Expr, Error> {
        let at = self.at();
        match self.tokens.get(self.next).map(|(_, token)| token.clone()) {
            Some(Token::Text(tag)) => {
                self.next += 1;
                let tags = self.take_word("in") && self.take_word("tags");
                if tags {
                    Ok(Expr::Tag(tag))
                } else {
                    Err(bad(self.at(), "\"…\" is followed by `in tags`"))
                }
            }
            Some(Token::Word(word)) => {
                self.next += 1;
                self.column(at, &word)
            }
            _ => Err(bad(at, "a column, a text or a bracket was expected here")),
        }
    }

    fn column(&mut self, at: usize, word: &str) -> Result<Expr, Error> {
        match word {
            "online" => self.online(),
            "last_seen" => self.last_seen(),
            "endpoint" => Ok(match self.test()? {
                // Of several ids one always differs; what is meant is that none is equal.
                TextTest::Order(Order::NotEqual, text) => {
                    Expr::Not(Box::new(Expr::Endpoint(TextTest::Order(Order::Equal, text))))
                }
                test => Expr::Endpoint(test),
            }),
            "tags" => Err(bad(at, "a tag is asked for as `\"…\" in tags`")),
            path if path.contains('.') => Err(Error::NotIndexed { path: path.to_owned() }),
            name => match TextColumn::ALL.into_iter().find(|column| column.as_str() == name) {
                Some(column) => Ok(Expr::Text(column, self.test()?)),
                None => Err(bad(at, format!("there is no column {name:?}"))),
            },
        }
    }

    fn online(&mut self) -> Result<Expr, Error> {
        let negated = match self.order() {
            None => return Ok(Expr::Online(true)),
            Some(Order::Equal) => false,
            Some(Order::NotEqual) => true,
            Some(_) => return Err(bad(self.at(), "online is true or false, which have no order")),
        };
        let value = self.take_word("true");
        if !value && !self.take_word("false") {
            return Err(bad(self.at(), "true or false was expected here"));
        }
        Ok(Expr::Online(value != negated))
    }

    fn last_seen(&mut self) -> Result<Expr, Error> {
        let order = self.order().ok_or_else(|| bad(self.at(), "a comparison was expected here"))?;
        let at = self.at();
        let text = match self.tokens.get(self.next) {
            Some((_, Token::Text(text) | Token::Word(text))) => text.clone(),
            _ => return Err(bad(at, "a time was expected here")),
        };
        self.next += 1;
        let when = when(&text);
        let when = when.ok_or_else(|| bad(at, "a time is written 2026-11-21T09:30:00Z, or -10m for ago"))?;
        Ok(Expr::LastSeen(order, when))
    }

    fn order(&mut self) -> Option<Order> {
        const ORDERS: [(&str, Order); 6] = [
            ("==", Order::Equal),
            ("!=", Order::NotEqual),
            ("<=", Order::LessOrEqual),
            (">=", Order::GreaterOrEqual),
            ("<", Order::Less),
            (">", Order::Greater),
        ];
        ORDERS.into_iter().find(|(sign, _)| self.take(sign)).map(|(_, order)| order)
    }

    fn version(&mut self) -> Result<Version, Error> {
        self.need("(")?;
        let at = self.at();
        let text = self.text()?;
        let version = Version::new(&text).ok_or_else(|| bad(at, "a version has a digit"))?;
        self.need(")")?;
        Ok(version)
    }

    fn test(&mut self) -> Result<TextTest, Error> {
        if let Some(order) = self.order() {
            return if self.take_word("version") {
                self.version().map(|version| TextTest::Version(order, version))
            } else {
                Ok(TextTest::Order(order, self.text()?))
            };
        }
        if self.take("~") {
            return Ok(TextTest::Contains(self.text()?));
        }
        if self.take("=~") {
            let at = self.at();
            let pattern = self.text()?;
            return Regex::new(&pattern).map(TextTest::Matches).map_err(|why| bad(at, why));
        }
        if self.take_word("in") {
            self.need("[")?;
            let mut list = vec![self.text()?];
            while self.take(",") {
                list.push(self.text()?);
            }
            self.need("]")?;
            if list.len() > limits::FILTER_TERMS {
                return Err(bad(self.at(), format!("a list has at most {} texts", limits::FILTER_TERMS)));
            }
            return Ok(TextTest::OneOf(list));
        }
        Err(bad(self.at(), "a comparison was expected here"))
    }
}

fn join(mut parts: Vec<Expr>, make: fn(Vec<Expr>) -> Expr) -> Expr {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            make(parts)
        }
        None => make(parts),
    }
}
