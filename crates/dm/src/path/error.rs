//! Why a text is not a path. Every kind is 7008 on the wire; the offset says where.

use crate::fault::{Code, Fault};

/// A text that is not a path: what is wrong, and the byte at which it goes wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("at byte {offset}: {kind}")]
pub struct PathError {
    /// Bytes before the fault; the length of the text when it ends too early.
    pub offset: usize,
    /// What is wrong there.
    pub kind: PathErrorKind,
}

/// What is wrong. The texts never quote the input.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PathErrorKind {
    /// The empty text.
    #[error("the path is empty")]
    Empty,
    /// Over [`MAX_PATH_BYTES`](crate::limits::MAX_PATH_BYTES), as it stands or as it would be printed.
    #[error("the path is too long")]
    TooLong,
    /// Over [`MAX_PATH_SEGMENTS`](crate::limits::MAX_PATH_SEGMENTS).
    #[error("the path has too many segments")]
    TooManySegments,
    /// Over [`MAX_COMPARISONS`](crate::limits::MAX_COMPARISONS).
    #[error("the path has too many comparisons")]
    TooManyComparisons,
    /// Over [`MAX_COMPARISON_STEPS`](crate::limits::MAX_COMPARISON_STEPS).
    #[error("the comparison reaches too deep")]
    TooManySteps,
    /// Over [`MAX_NAME_BYTES`](crate::limits::MAX_NAME_BYTES).
    #[error("the name is too long")]
    NameTooLong,
    /// Something else stands where only a name may stand.
    #[error("a name was expected, of letters, digits, '_' and '-'")]
    NameExpected,
    /// A segment does not end in a dot.
    #[error("a '.' was expected")]
    DotExpected,
    /// After the name: not an end, dot, `()`, `!`, `+` or `#`.
    #[error("unexpected character after a name")]
    AfterName,
    /// Text after `()` or `!`.
    #[error("nothing may follow a command or an event")]
    AfterTarget,
    /// `(` without `)`.
    #[error("a command ends in '()'")]
    CommandExpected,
    /// Zero, leading zeros, or a number that runs into letters.
    #[error("an instance number is 1 or more, without leading zeros")]
    BadNumber,
    /// Over 4294967295.
    #[error("the number is too large")]
    NumberTooLarge,
    /// A number, `*`, `[…]` or `{i}` after the root, after another row, or after a followed reference.
    #[error("rows can only be chosen after the name of a table")]
    RowNotAllowed,
    /// `[…]`, `*` or a followed reference in a path that has to be concrete.
    #[error("only names and instance numbers are allowed here")]
    NotConcrete,
    /// An instance number after `{i}`.
    #[error("no instance number may follow '{{i}}'")]
    NumberAfterPlaceholder,
    /// `{` that does not open `{i}`.
    #[error("'{{i}}' was expected")]
    PlaceholderExpected,
    /// A path of an object without its last dot, or of something else where an object is meant.
    #[error("the path of an object ends in '.'")]
    ObjectExpected,
    /// `#` without a number or `*`, or without the `+` after it.
    #[error("a reference is followed by '+', '#<number>+' or '#*+'")]
    FollowExpected,
    /// None of `==` `!=` `~=` `<` `>` `<=` `>=`.
    #[error("a comparison operator was expected")]
    OperatorExpected,
    /// Nothing after the operator, or text that is no number, boolean, time or hexadecimal constant.
    #[error("a constant was expected: a number, boolean, time, hexadecimal digits, or text in quotes")]
    ConstantExpected,
    /// A constant that opens with `"` and does not close.
    #[error("the closing '\"' is missing")]
    QuoteExpected,
    /// Neither `&&` nor `]` after a comparison.
    #[error("'&&' or ']' was expected")]
    BracketExpected,
    /// A reference value with a comparison other than `==`.
    #[error("a reference names a row by number or by the values of a unique key")]
    NotAKey,
}

impl PathError {
    /// The error of `kind` at `offset`.
    pub(super) fn new(offset: usize, kind: PathErrorKind) -> PathError {
        PathError { offset, kind }
    }

    /// The code on the wire, always [`Code::INVALID_PATH_SYNTAX`].
    pub fn code(&self) -> Code {
        Code::INVALID_PATH_SYNTAX
    }
}

impl From<PathError> for Fault {
    fn from(error: PathError) -> Fault {
        Fault::new(error.code(), error.to_string())
    }
}
