//! What a message does wrong and is read all the same: the evidence from which quirks are learned.

use crate::limits::{MAX_NOTICED_CHARS, MAX_NOTICES};
use crate::quirk::Quirk;

/// One tolerated deviation. Names of elements are the standard's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// No SOAP header at all.
    HeaderMissing,
    /// A header without `ID`.
    IdMissing,
    /// An empty `ID`.
    IdEmpty,
    /// An `ID` that is too long to be kept.
    IdTooLong,
    /// A namespace of CWMP beyond 1.2, which no version of the standard uses.
    NamespaceBeyond(u16),
    /// Several namespaces of CWMP in one envelope.
    NamespacesMixed,
    /// No namespace of CWMP.
    NamespaceMissing,
    /// The envelope is not in the namespace of SOAP 1.1.
    SoapNamespace,
    /// A URI for XML Schema or SOAP encoding that is not the one of the standard.
    SchemaNamespace,
    /// `mustUnderstand` in a namespace other than SOAP's.
    MustUnderstand,
    /// A prefix that is nowhere declared.
    PrefixUndeclared,
    /// A list without `arrayType`.
    ArrayTypeMissing,
    /// An `arrayType` whose number can't be read, or has zeros in front.
    ArrayTypeForm,
    /// An `arrayType` that counts wrongly.
    ArrayCount {
        /// What it says.
        stated: usize,
        /// How many there are.
        found: usize,
    },
    /// A row of a list under another name.
    RowName,
    /// An event twice.
    EventRepeated,
    /// An event whose code is not in the table.
    EventUnknown(String),
    /// A value without a type.
    TypeMissing,
    /// A type with a prefix and no name.
    TypeEmpty,
    /// A type that is not among the standard's.
    TypeUnknown(String),
    /// The content of an element (a value, a number, a time) is not as its type wants it.
    ValueForm(&'static str),
    /// Charset of the header and of the declaration contradict each other, or the bytes contradict both.
    CharsetContradiction,
    /// Bytes that are not UTF-8, and nothing that says so.
    CharsetUndeclared,
    /// A charset that we don't know.
    CharsetUnknown(String),
    /// A byte order mark.
    ByteOrderMark,
    /// Characters that XML forbids; they are left out.
    IllegalCharacters,
    /// `&` that begins no reference.
    LoneAmpersand,
    /// A reference to an entity that is not predefined.
    UnknownEntity,
    /// A text that seems to be escaped twice. It is kept as it is.
    EscapedTwice,
    /// CDATA.
    CData,
    /// White space with line breaks around a text; it is cut.
    Padding,
    /// A comment before the envelope.
    CommentFirst,
    /// Text where only elements may be.
    StrayText,
    /// Something behind the envelope.
    Trailing,
    /// An OUI that is not six upper-case hexadecimal digits.
    OuiForm,
    /// An empty product class.
    ProductClassEmpty,
    /// A serial number with characters that need escapes in names and addresses.
    SerialForm,
    /// An element that should be there.
    ElementMissing(&'static str),
    /// An element that should be there once.
    ElementRepeated(&'static str),
    /// An element that nobody knows there.
    ElementUnknown(String),
    /// A fault without a detail of CWMP.
    FaultDetailMissing,
    /// A fault code that is no number.
    FaultCodeForm,
    /// A fault of CWMP in SOAP's own `faultcode` or `faultstring`.
    FaultCodePlace,
    /// A header whose name has the wrong case.
    HeaderSpelling,
    /// `NoMoreRequests`, which no version after the first has.
    NoMoreRequests,
    /// More than one method in an envelope; the first is read.
    MethodsAfterFirst,
}

impl Notice {
    /// The row of the table of quirks that this belongs to, if there is one.
    pub fn quirk(&self) -> Option<Quirk> {
        Some(match self {
            Notice::HeaderMissing | Notice::IdMissing | Notice::IdEmpty | Notice::IdTooLong => {
                Quirk::HeaderOrIdMissing
            }
            Notice::NamespaceBeyond(_)
            | Notice::NamespacesMixed
            | Notice::NamespaceMissing
            | Notice::SoapNamespace
            | Notice::SchemaNamespace
            | Notice::MustUnderstand
            | Notice::PrefixUndeclared => Quirk::Namespaces,
            Notice::ArrayTypeMissing
            | Notice::ArrayTypeForm
            | Notice::ArrayCount { .. }
            | Notice::RowName => Quirk::ArrayType,
            Notice::EventRepeated | Notice::EventUnknown(_) => Quirk::Events,
            Notice::TypeMissing | Notice::TypeEmpty | Notice::TypeUnknown(_) => Quirk::ValueTypes,
            Notice::ValueForm(_) => Quirk::ValueForms,
            Notice::CharsetContradiction
            | Notice::CharsetUndeclared
            | Notice::CharsetUnknown(_)
            | Notice::ByteOrderMark
            | Notice::IllegalCharacters => Quirk::Charset,
            Notice::LoneAmpersand
            | Notice::UnknownEntity
            | Notice::EscapedTwice
            | Notice::CData
            | Notice::Padding
            | Notice::CommentFirst
            | Notice::StrayText => Quirk::Escapes,
            Notice::Trailing => Quirk::HttpBodies,
            Notice::OuiForm | Notice::ProductClassEmpty | Notice::SerialForm => Quirk::Identity,
            Notice::ElementMissing(_) | Notice::ElementRepeated(_) => Quirk::ElementsMissing,
            Notice::FaultDetailMissing | Notice::FaultCodeForm | Notice::FaultCodePlace => Quirk::Faults,
            Notice::HeaderSpelling => Quirk::SessionTimeoutHeader,
            Notice::ElementUnknown(_) | Notice::NoMoreRequests | Notice::MethodsAfterFirst => return None,
        })
    }
}

/// A text of a peer, as long as a notice shows it.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(MAX_NOTICED_CHARS).collect()
}

/// The notices of one message: each once, and no more than [`MAX_NOTICES`].
#[derive(Default)]
pub(crate) struct Notices(Vec<Notice>);

impl Notices {
    pub(crate) fn add(&mut self, notice: Notice) {
        if self.0.len() < MAX_NOTICES && !self.0.contains(&notice) {
            self.0.push(notice);
        }
    }

    pub(crate) fn has(&self, notice: &Notice) -> bool {
        self.0.contains(notice)
    }

    pub(crate) fn take(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.0)
    }
}
