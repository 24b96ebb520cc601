//! Lists: SOAP arrays with a count that is often wrong, and elements that simply come again.

use crate::error::Error;
use crate::limits::MAX_PARAMETERS;
use crate::notice::Notice;
use crate::rpc::field::Field;
use crate::xml::{Element, Out, Pull};

/// What a list can hold.
pub(crate) trait Item: Sized {
    /// The type in `arrayType`; none for an element that comes again.
    const ARRAY: Option<&'static str>;
    /// The name of a row in an array.
    const TAG: &'static str;
    /// How many there may be.
    const LIMIT: usize;
    /// Reads the row that is open.
    fn read_item(x: &mut Pull<'_>, element: &Element<'_>) -> Result<Self, Error>;
    /// Writes the row under a name.
    fn write_item(&self, out: &mut Out<'_>, name: &str);
}

/// Makes records be rows of arrays, under the name that the type has in CWMP.
macro_rules! rows {
    ($($name:ty = $tag:literal, $limit:expr;)*) => {$(
        impl $crate::rpc::items::Item for $name {
            const ARRAY: Option<&'static str> = Some(concat!("cwmp:", $tag));
            const TAG: &'static str = $tag;
            const LIMIT: usize = $limit;

            fn read_item(
                x: &mut $crate::xml::Pull<'_>,
                _: &$crate::xml::Element<'_>,
            ) -> Result<Self, $crate::error::Error> {
                <Self as $crate::rpc::Record>::read(x)
            }

            fn write_item(&self, out: &mut $crate::xml::Out<'_>, name: &str) {
                out.open(name, &[]);
                $crate::rpc::Record::write(self, out);
                out.close(name);
            }
        }
    )*};
}
pub(crate) use rows;

impl Item for String {
    const ARRAY: Option<&'static str> = Some("xsd:string");
    const TAG: &'static str = "string";
    const LIMIT: usize = MAX_PARAMETERS;

    fn read_item(x: &mut Pull<'_>, _: &Element<'_>) -> Result<String, Error> {
        x.text()
    }

    fn write_item(&self, out: &mut Out<'_>, name: &str) {
        out.leaf(name, &[], self);
    }
}

impl<T: Item> Field for Vec<T> {
    const REPEATS: bool = T::ARRAY.is_none();

    fn read(&mut self, x: &mut Pull<'_>, element: &Element<'_>, _: &'static str) -> Result<(), Error> {
        if T::ARRAY.is_none() {
            return push(self, T::read_item(x, element)?);
        }
        let stated = element.attribute("arrayType");
        while let Some(row) = x.child()? {
            if row.name() != T::TAG {
                x.note(Notice::RowName);
            }
            push(self, T::read_item(x, &row)?)?;
        }
        count(x, stated.as_deref(), self.len());
        Ok(())
    }

    fn write(&self, out: &mut Out<'_>, name: &str) {
        let Some(array) = T::ARRAY else {
            return self.iter().for_each(|item| item.write_item(out, name));
        };
        let count = format!("{array}[{}]", self.len());
        let attributes = [(out.array_attribute(), count.as_str())];
        if self.is_empty() {
            return out.leaf(name, &attributes, "");
        }
        out.open(name, &attributes);
        for item in self {
            item.write_item(out, T::TAG);
        }
        out.close(name);
    }
}

fn push<T: Item>(list: &mut Vec<T>, item: T) -> Result<(), Error> {
    if list.len() == T::LIMIT {
        return Err(Error::TooMany { what: "rows in a list", limit: T::LIMIT });
    }
    list.push(item);
    Ok(())
}

/// Compares what `arrayType` says with what was there, which counts.
fn count(x: &mut Pull<'_>, stated: Option<&str>, found: usize) {
    let Some(stated) = stated else { return x.note(Notice::ArrayTypeMissing) };
    let digits = stated.rsplit_once('[').and_then(|(_, rest)| rest.strip_suffix(']'));
    match digits.and_then(|digits| Some((digits, digits.parse().ok()?))) {
        Some((_, stated)) if stated != found => x.note(Notice::ArrayCount { stated, found }),
        Some((digits, _)) if digits.len() > 1 && digits.starts_with('0') => x.note(Notice::ArrayTypeForm),
        Some(_) => {}
        None => x.note(Notice::ArrayTypeForm),
    }
}
