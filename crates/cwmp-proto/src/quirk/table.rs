//! The table of quirks: what real devices do, what becomes of it here, and which part of us sees to it.
//!
//! Sources name where a quirk was seen: G is the tracker and history of GenieACS, F of freeacs, P a public
//! recording. Those without a letter are common experience without a citation.

/// Which part of us acts on a quirk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// What is read in this crate.
    Reader,
    /// What is written in this crate.
    Writer,
    /// The session machine, or who asks for things in it.
    Session,
    /// The HTTP listener and client.
    Http,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct QuirkRow {
    /// Which.
    pub quirk: Quirk,
    /// Its number, which is stored for devices.
    pub number: u8,
    /// Its name, in short.
    pub name: &'static str,
    /// What devices do, and what is tolerated or changed.
    pub tolerance: &'static str,
    /// On which devices it was seen, and where that is told.
    pub source: &'static str,
    /// Who acts.
    pub sides: &'static [Side],
}

/// Defines the enum and the table together, so that neither can lack a row.
macro_rules! quirks {
    ($($number:literal $variant:ident $name:literal [$($side:ident),*] $source:literal $tolerance:literal;)*) => {
        /// A row of the table.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Quirk { $(#[doc = $tolerance] $variant = $number,)* }

        /// Every quirk, by number.
        pub const TABLE: &[QuirkRow] = &[$(QuirkRow {
            quirk: Quirk::$variant,
            number: $number,
            name: $name,
            tolerance: $tolerance,
            source: $source,
            sides: &[$(Side::$side),*],
        }),*];
    };
}

quirks! {
    1 HeaderOrIdMissing "header-or-id-missing" [Reader, Writer]
        "MikroTik RouterOS (F#289); Huawei BM632w (P)"
        "No SOAP header, or no or an empty ID: answered with the same, or none; never a fault.";
    2 Namespaces "namespaces" [Reader]
        "cwmp-1-3 and 1-4 (G); netcwmp, ZXECS (P); MikroTik RouterOS 6.44 (F#289); G commits de0774e, fde4d7b"
        "Wrong, mixed, missing or undeclared namespaces: only local names count.";
    3 ArrayType "array-type" [Reader]
        "Broadcom, SmartRG, Adtran (P, F#195)"
        "Counts of arrays that are missing, padded or wrong: elements are counted.";
    4 Events "events" [Reader, Session]
        "Adtran (F#195); Broadcom (G#194)"
        "Events in any order, twice, unknown, or none, which resumes the session before.";
    5 ValueTypes "value-types" [Reader, Writer]
        "AudioCodes (G#139); UniFi (G#157); netcwmp (P); G commit 4aa5257"
        "Types that are missing, empty or invented: a string, and the type is written back as it came.";
    6 ValueForms "value-forms" [Reader]
        "Huawei B310 (F#138); TP-Link (G#228)"
        "Booleans as words, numbers with spaces, times without a zone: the text is kept.";
    7 Charset "charset" [Reader]
        "G#76; G commit 59cd930"
        "Control characters, Latin-1 or GBK, declared or not, byte order marks, charsets that contradict each other.";
    8 Escapes "escapes" [Reader]
        "easycwmp (P); F#166"
        "Ampersands that are not escaped or twice, CDATA, line breaks around values, comments before the envelope.";
    9 Identity "identity" [Reader, Session]
        "SmartRG 3c9066 (P); a set-top box with an OUI of 24 characters (G#76)"
        "OUIs in lower case or long, empty classes, serial numbers with any characters: kept as they are.";
    10 ElementsMissing "elements-missing" [Reader, Session]
        "G commits f9e96fe, d799798, cfe279b"
        "Missing names, values and flags; objects without the final dot; more or fewer values than asked for.";
    11 Faults "faults" [Reader, Http]
        "G#419"
        "Faults without a detail, with codes that are empty, words, or in SOAP's own elements; with HTTP 500.";
    12 ContentTypes "content-types" [Http]
        "easycwmp (P); G#138; F#186"
        "Any Content-Type, and any SOAPAction: nothing is chosen by them.";
    13 ExpectContinue "expect-continue" [Http]
        "easycwmp and whatever is made with libcurl (P)"
        "Expect: 100-continue on each POST: answered at once.";
    14 HttpBodies "http-bodies" [Reader, Http]
        "common"
        "Chunked or compressed bodies, wrong lengths, line breaks behind the envelope; answers have a Content-Length.";
    15 Cookies "cookies" [Http, Session]
        "G#79, G#82, G commits 70b0dba, ca83704"
        "No cookies, quoted or joined ones, those of an old session: connection and identity count too.";
    16 Connections "connections" [Http, Session]
        "AVM FRITZ!Box (G#364)"
        "A connection for each POST, or a new one after the 401: nonces are not bound to a socket.";
    17 EmptyPostMissing "empty-post-missing" [Session]
        "freeacs quirk termination (F)"
        "No empty POST, or requests after it: requests of a CPE are taken in each state.";
    18 SessionEnd "session-end" [Http, Session]
        "TP-Link TD-W8980 (G#55)"
        "Sessions that end only with 204 without a body, or with Connection: close.";
    19 AnswerForm "answer-form" [Writer]
        "freeacs quirks nextlevel0ingpn and prettyprint (F); TP-Link (G#228); ip.access nano3G (pyacs); matchers of gSOAP's time"
        "Booleans and NextLevel as digits, line breaks, certain prefixes, no self-closing elements: switches of the writer.";
    20 DigestForm "digest-form" [Reader, Writer, Http]
        "Huawei (G#181); AVM FRITZ!Box (F#350)"
        "Digest without qop, with odd or open quotes, in lower case, with a quoted algorithm, with nc for ever 1; Basic only.";
    21 Redirects "redirects" [Session]
        "common"
        "Redirects are not followed, or followed with GET: none is sent to such a device.";
    22 NamesOfRoot "names-of-root" [Session]
        "Sagemcom F@st 2764 (G#74); G commits eb5caa6, bb6e963; Yeacomm (F#290)"
        "GetParameterNames of the root or of everything fails: one level at a time, and fewer at once.";
    23 OneBadName "one-bad-name" [Session]
        "G changelog"
        "One bad name fails all values, long lists are cut or refused: bisected, 50 names at most.";
    24 WritesInPart "writes-in-part" [Session]
        "common"
        "Writes that apply in part, later, or never; values that are normalised; passwords that read as nothing: read back.";
    25 ReadAfterWrite "read-after-write" [Reader, Session]
        "common"
        "Old values in the same session, number 0 for a new row, renumbered rows: read back in the next.";
    26 TransferReports "transfer-reports" [Reader, Session]
        "G#171, G#325"
        "TransferComplete never, twice, without its event or its key, with a fault after success, with unknown times.";
    27 EventStorms "event-storms" [Session]
        "common"
        "BOOTSTRAP on each boot, no BOOT, storms of VALUE CHANGE: what the device's record says counts.";
    28 RetryCount "retry-count" [Session]
        "TP-Link (G#55, RetryCount 1490)"
        "Retry counts that only grow and intervals that don't: limits for each device and for all.";
    29 InformTimes "inform-times" [Reader, Session]
        "common"
        "PeriodicInformTime ignored, clocks of 1970 or 2011: jitter is ours, times are ours.";
    30 ParallelSessions "parallel-sessions" [Session]
        "common"
        "Several sessions of one device, or two devices with one serial number: the newest session has it.";
    31 ConnectionRequests "connection-requests" [Http, Session]
        "G commit 573d38f"
        "URLs that are stale, private, without brackets or with port 0; answers that mean nothing.";
    32 SessionTimeoutHeader "session-timeout-header" [Reader, Session]
        "GenieACS matches the other form"
        "SessionTimeout in any case; slow devices need 120 seconds between messages.";
    33 AttributeLists "attribute-lists" [Writer, Session]
        "common"
        "SetParameterAttributes wants an AccessList that doesn't change, is missing, or is forgotten at a restart.";
    34 ParameterKeys "parameter-keys" [Reader, Session]
        "SmartRG (P); freeacs quirks parameterkey and ignorevendorconfigfile (F)"
        "ParameterKey as (null) or never updated: kept as it came, and not trusted alone.";
    35 VendorPrefixes "vendor-prefixes" [Reader]
        "CT-COM, Huawei, TP-Link, AVM, Broadcom"
        "Names of vendors with dashes, as X_CT-COM_ and X_AVM-DE_: taken in names of parameters and methods.";
}

impl Quirk {
    /// Its row.
    pub fn row(self) -> &'static QuirkRow {
        &TABLE[self as usize - 1]
    }

    /// The quirk of a number.
    pub fn from_number(number: u8) -> Option<Quirk> {
        TABLE.iter().find(|row| row.number == number).map(|row| row.quirk)
    }

    /// The quirk of a name.
    pub fn from_name(name: &str) -> Option<Quirk> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.quirk)
    }
}
