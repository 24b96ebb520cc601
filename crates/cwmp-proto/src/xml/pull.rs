//! The reader: elements one after the other, within the bounds of [`limits`](crate::limits). It alone knows
//! quick-xml. An element that [`Pull::child`] gave is consumed by exactly one of `child` until there is none,
//! [`Pull::text`] and [`Pull::skip`].

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::error::Error;
use crate::limits::{MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, MAX_NAME_BYTES};
use crate::notice::{Notice, Notices};
use crate::xml::text::Collected;

/// An element that was opened.
pub(crate) struct Element<'a> {
    start: BytesStart<'a>,
}

/// What comes next.
enum Token<'a> {
    Open(Element<'a>),
    Close,
    Text(Cow<'a, str>),
    CData(Cow<'a, str>),
    Reference(Cow<'a, str>),
}

/// Takes an element inside of a text.
pub(crate) type Inner<'f, 'a> = dyn FnMut(&mut Pull<'a>, &Element<'a>) -> Result<(), Error> + 'f;

/// The reader of one document.
pub(crate) struct Pull<'a> {
    reader: Reader<&'a [u8]>,
    depth: usize,
    elements: usize,
    notices: Notices,
}

impl<'a> Pull<'a> {
    pub(crate) fn new(text: &'a str) -> Pull<'a> {
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.allow_dangling_amp = true;
        config.expand_empty_elements = true;
        Pull { reader, depth: 0, elements: 0, notices: Notices::default() }
    }

    /// Remembers what is tolerated.
    pub(crate) fn note(&mut self, notice: Notice) {
        self.notices.add(notice);
    }

    /// Remembers it unless one of the others is remembered.
    pub(crate) fn note_unless(&mut self, notice: Notice, others: &[Notice]) {
        if !others.iter().any(|other| self.notices.has(other)) {
            self.note(notice);
        }
    }

    /// Everything that was noted.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        self.notices.take()
    }

    /// How many elements are open.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The next element inside of the one that is open; none at its end, which is consumed.
    pub(crate) fn child(&mut self) -> Result<Option<Element<'a>>, Error> {
        loop {
            match self.token()? {
                Token::Open(element) => return Ok(Some(element)),
                Token::Close => return Ok(None),
                Token::Text(text) if text.trim_ascii().is_empty() => {}
                Token::Text(_) | Token::CData(_) | Token::Reference(_) => self.note(Notice::StrayText),
            }
        }
    }

    /// The text of the element that is open, up to its end. Elements inside of it are passed over.
    pub(crate) fn text(&mut self) -> Result<String, Error> {
        self.mixed(&mut |x, element| {
            x.note(Notice::ElementUnknown(element.name().to_owned()));
            x.skip()
        })
    }

    /// The text of the element that is open, up to its end; what is inside of it goes to `inner`, which consumes it.
    pub(crate) fn mixed(&mut self, inner: &mut Inner<'_, 'a>) -> Result<String, Error> {
        let mut collected = Collected::default();
        loop {
            match self.token()? {
                Token::Open(element) => inner(self, &element)?,
                Token::Close => return Ok(collected.finish(&mut self.notices)),
                Token::Text(text) => collected.literal(&text, &mut self.notices),
                Token::CData(text) => collected.cdata(&text, &mut self.notices),
                Token::Reference(name) => collected.reference(&name, &mut self.notices),
            }
        }
    }

    /// Passes over the element that is open.
    pub(crate) fn skip(&mut self) -> Result<(), Error> {
        self.close_to(self.depth.saturating_sub(1))
    }

    /// Passes over everything until no more than `depth` elements are open.
    pub(crate) fn close_to(&mut self, depth: usize) -> Result<(), Error> {
        while self.depth > depth {
            self.token()?;
        }
        Ok(())
    }

    /// Whether anything but white space and comments stands behind the root.
    pub(crate) fn trailing(&mut self) -> bool {
        loop {
            match self.reader.read_event() {
                Ok(Event::Eof) => return false,
                Ok(Event::Text(text)) if text.trim_ascii().is_empty() => {}
                Ok(Event::Comment(_)) => {}
                Ok(_) | Err(_) => return true,
            }
        }
    }

    fn token(&mut self) -> Result<Token<'a>, Error> {
        loop {
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => return Err(self.malformed(error.to_string())),
            };
            return Ok(match event {
                Event::Start(start) | Event::Empty(start) => Token::Open(self.open(start)?),
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Token::Close
                }
                Event::Text(text) => Token::Text(text.into_inner()),
                Event::CData(text) => Token::CData(text.into_inner()),
                Event::GeneralRef(name) => Token::Reference(name.into_inner()),
                Event::DocType(_) => return Err(Error::DocType),
                Event::Comment(_) => {
                    if self.depth == 0 {
                        self.note(Notice::CommentFirst);
                    }
                    continue;
                }
                Event::Decl(_) | Event::PI(_) => continue,
                Event::Eof => return Err(self.malformed("it ends too early".to_owned())),
            });
        }
    }

    fn open(&mut self, start: BytesStart<'a>) -> Result<Element<'a>, Error> {
        self.depth += 1;
        self.elements += 1;
        let element = Element { start };
        // Each has an equals sign, and few elements have many.
        let most = element.start.attributes_raw().bytes().filter(|byte| *byte == b'=').count();
        let attributes = if most <= MAX_ATTRIBUTES { most } else { element.attributes().count() };
        let checks = [
            ("elements inside of each other", self.depth, MAX_DEPTH),
            ("elements", self.elements, MAX_ELEMENTS),
            ("bytes in a name", element.start.name().as_ref().len(), MAX_NAME_BYTES),
            ("attributes", attributes, MAX_ATTRIBUTES),
        ];
        match checks.into_iter().find(|(_, count, limit)| count > limit) {
            Some((what, _, limit)) => Err(Error::TooMany { what, limit }),
            None => Ok(element),
        }
    }

    fn malformed(&self, why: String) -> Error {
        Error::Malformed { at: self.reader.error_position().max(self.reader.buffer_position()), why }
    }
}

impl Element<'_> {
    /// Its name without a prefix.
    pub(crate) fn name(&self) -> &str {
        self.start.name().into_inner().rsplit(':').next().unwrap_or_default()
    }

    /// The prefix of its name, empty for none.
    pub(crate) fn prefix(&self) -> &str {
        self.start.name().into_inner().rsplit_once(':').map_or("", |(prefix, _)| prefix)
    }

    /// Its attributes as name (with prefix) and value, quoted or not; those that can't be read are left out.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let mut attributes = self.start.html_attributes();
        attributes.with_checks(false);
        attributes.take(MAX_ATTRIBUTES + 1).filter_map(|attribute| {
            let attribute = attribute.ok()?;
            Some((attribute.key.into_inner(), attribute.value))
        })
    }

    /// The value of an attribute by its local name.
    pub(crate) fn attribute(&self, local: &str) -> Option<String> {
        self.attributes()
            .find(|(name, _)| name.rsplit(':').next() == Some(local))
            .map(|(_, value)| value.trim().to_owned())
    }
}
