//! How the writer writes, where the standard leaves a choice and devices do not.

/// The writer's switches. The default is what most devices take: digits for booleans, no line breaks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Style {
    /// The prefixes of SOAP.
    pub prefixes: Prefixes,
    /// Booleans as `true` and `false` instead of `1` and `0`.
    pub boolean_words: bool,
    /// `NextLevel` as a digit, whatever other booleans are.
    pub next_level_digit: bool,
    /// An element a line, indented.
    pub pretty: bool,
    /// A line break at the end.
    pub final_newline: bool,
    /// `<a></a>` instead of `<a/>`.
    pub no_self_closing: bool,
    /// A header `NoMoreRequests` with 0, in requests.
    pub no_more_requests: bool,
}

/// Prefixes that matchers of strings in old devices look for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Prefixes {
    /// `soap-env` and `soap-enc`, as the examples of TR-069.
    #[default]
    Dashed,
    /// `SOAP-ENV` and `SOAP-ENC`, as gSOAP.
    Upper,
    /// `soapenv` and `soapenc`, as Axis.
    Joined,
    /// `soap` and `soapenc`.
    Short,
}

impl Prefixes {
    /// The prefix of the envelope.
    pub fn envelope(self) -> &'static str {
        match self {
            Prefixes::Dashed => "soap-env",
            Prefixes::Upper => "SOAP-ENV",
            Prefixes::Joined => "soapenv",
            Prefixes::Short => "soap",
        }
    }

    /// The prefix of the encoding.
    pub fn encoding(self) -> &'static str {
        match self {
            Prefixes::Dashed => "soap-enc",
            Prefixes::Upper => "SOAP-ENC",
            Prefixes::Joined | Prefixes::Short => "soapenc",
        }
    }

    /// The attribute that begins a list.
    pub(crate) fn array_type(self) -> &'static str {
        match self {
            Prefixes::Dashed => "soap-enc:arrayType",
            Prefixes::Upper => "SOAP-ENC:arrayType",
            Prefixes::Joined | Prefixes::Short => "soapenc:arrayType",
        }
    }
}

/// Defines the switches by name, as they are stored for a device.
macro_rules! switches {
    ($($(#[$about:meta])* $variant:ident = $name:literal => $apply:expr,)*) => {
        /// One change of a [`Style`], with a name under which it can be stored.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Switch { $($(#[$about])* $variant,)* }

        impl Switch {
            /// Every switch.
            pub const ALL: &'static [Switch] = &[$(Switch::$variant),*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Switch::$variant => $name,)* }
            }

            fn apply(self, style: &mut Style) {
                let change: fn(&mut Style) = match self { $(Switch::$variant => $apply,)* };
                change(style);
            }
        }
    };
}

switches! {
    /// Booleans as words.
    BooleanWords = "boolean-words" => |style| style.boolean_words = true,
    /// Booleans as digits.
    BooleanDigits = "boolean-digits" => |style| style.boolean_words = false,
    /// `NextLevel` as a digit.
    NextLevelDigit = "next-level-digit" => |style| style.next_level_digit = true,
    /// An element a line.
    Pretty = "pretty" => |style| style.pretty = true,
    /// A line break at the end.
    FinalNewline = "final-newline" => |style| style.final_newline = true,
    /// No self-closing elements.
    NoSelfClosing = "no-self-closing" => |style| style.no_self_closing = true,
    /// A header `NoMoreRequests`.
    NoMoreRequests = "no-more-requests" => |style| style.no_more_requests = true,
    /// `SOAP-ENV`.
    UpperPrefixes = "prefixes-upper" => |style| style.prefixes = Prefixes::Upper,
    /// `soapenv`.
    JoinedPrefixes = "prefixes-joined" => |style| style.prefixes = Prefixes::Joined,
    /// `soap`.
    ShortPrefixes = "prefixes-short" => |style| style.prefixes = Prefixes::Short,
}

impl Switch {
    /// The switch of a name.
    pub fn from_name(name: &str) -> Option<Switch> {
        Switch::ALL.iter().find(|switch| switch.name() == name).copied()
    }
}

impl Style {
    /// The default with these changes, in their order.
    #[must_use]
    pub fn with(switches: &[Switch]) -> Style {
        let mut style = Style::default();
        for switch in switches {
            switch.apply(&mut style);
        }
        style
    }
}
