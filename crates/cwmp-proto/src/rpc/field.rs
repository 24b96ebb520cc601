//! How a struct becomes a table of elements: the macro `record!`, and what its rows may hold.

use crate::error::Error;
use crate::fault::FaultCode;
use crate::notice::{Notice, short};
use crate::secret::Secret;
use crate::value::{DateTime, Reading, Value, read_boolean, read_integer};
use crate::xml::{Element, Out, Pull};

/// What is made of elements in a fixed order.
pub(crate) trait Record: Sized {
    /// Reads the elements inside of the one that is open, up to its end.
    fn read(x: &mut Pull<'_>) -> Result<Self, Error>;
    /// Writes them.
    fn write(&self, out: &mut Out<'_>);
}

/// What an element can hold.
pub(crate) trait Field: Default {
    /// Whether it may be absent.
    const OPTIONAL: bool = false;
    /// Whether it may come again, and what comes is added.
    const REPEATS: bool = false;
    /// Reads the element that is open.
    fn read(&mut self, x: &mut Pull<'_>, element: &Element<'_>, name: &'static str) -> Result<(), Error>;
    /// Writes the element.
    fn write(&self, out: &mut Out<'_>, name: &str);
}

/// Defines a struct whose fields are elements. A name in brackets is a method that looks at what was read.
macro_rules! record {
    ($(#[$meta:meta])* $name:ident $([$look:ident])? { $($(#[$about:meta])* $field:ident: $type:ty = $tag:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Debug, Default)]
        pub struct $name { $($(#[$about])* pub $field: $type,)* }

        impl $crate::rpc::Record for $name {
            fn read(x: &mut $crate::xml::Pull<'_>) -> Result<Self, $crate::error::Error> {
                use $crate::rpc::field::{Field, Seen};
                const TAGS: &[&str] = &[$($tag),*];
                let mut record = Self::default();
                let mut seen = Seen::default();
                while let Some(element) = x.child()? {
                    match element.name() {
                        $($tag => {
                            seen.mark(x, TAGS, $tag, <$type as Field>::REPEATS);
                            Field::read(&mut record.$field, x, &element, $tag)?;
                        })*
                        _ => seen.unknown(x, &element)?,
                    }
                }
                $(seen.check(x, TAGS, $tag, <$type as Field>::OPTIONAL);)*
                $(record.$look(x);)?
                Ok(record)
            }

            fn write(&self, out: &mut $crate::xml::Out<'_>) {
                $($crate::rpc::field::Field::write(&self.$field, out, $tag);)*
            }
        }
    };
}
pub(crate) use record;

/// Makes records be fields, too.
macro_rules! nested {
    ($($name:ty),*) => {$(
        impl $crate::rpc::field::Field for $name {
            fn read(
                &mut self,
                x: &mut $crate::xml::Pull<'_>,
                _: &$crate::xml::Element<'_>,
                _: &'static str,
            ) -> Result<(), $crate::error::Error> {
                *self = $crate::rpc::Record::read(x)?;
                Ok(())
            }

            fn write(&self, out: &mut $crate::xml::Out<'_>, name: &str) {
                out.open(name, &[]);
                $crate::rpc::Record::write(self, out);
                out.close(name);
            }
        }
    )*};
}
pub(crate) use nested;

/// Which elements of a record were there, a bit each.
#[derive(Default)]
pub(crate) struct Seen(u32);

impl Seen {
    pub(crate) fn mark(
        &mut self,
        x: &mut Pull<'_>,
        tags: &'static [&'static str],
        tag: &'static str,
        repeats: bool,
    ) {
        let bit = bit(tags, tag);
        if self.0 & bit != 0 && !repeats {
            x.note(Notice::ElementRepeated(tag));
        }
        self.0 |= bit;
    }

    pub(crate) fn unknown(&mut self, x: &mut Pull<'_>, element: &Element<'_>) -> Result<(), Error> {
        x.note(Notice::ElementUnknown(element.name().to_owned()));
        x.skip()
    }

    pub(crate) fn check(
        &self,
        x: &mut Pull<'_>,
        tags: &'static [&'static str],
        tag: &'static str,
        optional: bool,
    ) {
        if self.0 & bit(tags, tag) == 0 && !optional {
            x.note(Notice::ElementMissing(tag));
        }
    }
}

fn bit(tags: &[&str], tag: &str) -> u32 {
    1 << tags.iter().position(|known| *known == tag).unwrap_or(31)
}

impl Field for String {
    fn read(&mut self, x: &mut Pull<'_>, _: &Element<'_>, _: &'static str) -> Result<(), Error> {
        *self = x.text()?;
        Ok(())
    }

    fn write(&self, out: &mut Out<'_>, name: &str) {
        out.leaf(name, &[], self);
    }
}

impl Field for Secret {
    fn read(&mut self, x: &mut Pull<'_>, _: &Element<'_>, _: &'static str) -> Result<(), Error> {
        self.0 = x.text()?;
        Ok(())
    }

    fn write(&self, out: &mut Out<'_>, name: &str) {
        out.leaf(name, &[], &self.0);
    }
}

impl Field for bool {
    fn read(&mut self, x: &mut Pull<'_>, _: &Element<'_>, name: &'static str) -> Result<(), Error> {
        let reading = read_boolean(&x.text()?);
        *self = noted(x, name, reading).unwrap_or_default();
        Ok(())
    }

    fn write(&self, out: &mut Out<'_>, name: &str) {
        out.boolean(name, *self);
    }
}

/// Numbers that are out of range, or none, are 0.
macro_rules! number {
    ($($type:ty),*) => {$(
        impl Field for $type {
            fn read(&mut self, x: &mut Pull<'_>, _: &Element<'_>, name: &'static str) -> Result<(), Error> {
                let reading = match read_integer(&x.text()?) {
                    Reading::Exact(number) => number.try_into().map_or(Reading::Unreadable, Reading::Exact),
                    Reading::Lenient(number) => number.try_into().map_or(Reading::Unreadable, Reading::Lenient),
                    Reading::Unreadable => Reading::Unreadable,
                };
                *self = noted(x, name, reading).unwrap_or_default();
                Ok(())
            }

            fn write(&self, out: &mut Out<'_>, name: &str) {
                out.leaf(name, &[], &self.to_string());
            }
        }
    )*};
}
number!(u32, i32);

fn noted<T>(x: &mut Pull<'_>, name: &'static str, reading: Reading<T>) -> Option<T> {
    if !matches!(reading, Reading::Exact(_)) {
        x.note(Notice::ValueForm(name));
    }
    reading.value()
}

impl Field for DateTime {
    fn read(&mut self, x: &mut Pull<'_>, _: &Element<'_>, name: &'static str) -> Result<(), Error> {
        *self = DateTime::from(x.text()?);
        let reading = self.meaning();
        noted(x, name, reading);
        Ok(())
    }

    fn write(&self, out: &mut Out<'_>, name: &str) {
        out.leaf(name, &[], self.as_str());
    }
}

impl Field for FaultCode {
    fn read(&mut self, x: &mut Pull<'_>, _: &Element<'_>, _: &'static str) -> Result<(), Error> {
        let text = x.text()?;
        let number = text.trim().parse().ok().map(FaultCode);
        if number.is_none() {
            x.note(Notice::FaultCodeForm);
        }
        *self = number.or_else(|| FaultCode::find(&text)).unwrap_or_default();
        Ok(())
    }

    fn write(&self, out: &mut Out<'_>, name: &str) {
        out.leaf(name, &[], &self.0.to_string());
    }
}

impl Field for Value {
    fn read(&mut self, x: &mut Pull<'_>, element: &Element<'_>, name: &'static str) -> Result<(), Error> {
        let type_name = element.attribute("type");
        let text = x.text()?;
        let local = type_name.as_deref().map(|name| name.rsplit(':').next().unwrap_or_default());
        match local {
            None => x.note(Notice::TypeMissing),
            Some("") => x.note(Notice::TypeEmpty),
            Some(_) => {}
        }
        *self = match local {
            None | Some("") => Value::string(text),
            Some(local) => Value::of_type(local, text),
        };
        if self.kind == crate::value::ValueType::Other {
            x.note(Notice::TypeUnknown(short(self.type_name())));
        } else if !self.well_formed() {
            x.note(Notice::ValueForm(name));
        }
        Ok(())
    }

    fn write(&self, out: &mut Out<'_>, name: &str) {
        out.value(name, self);
    }
}
