//! What can be wrong with a bundle. None of it is ever read as "no policy".

use std::io::ErrorKind;

use rederive_evidence::digest::Digest;
use rederive_evidence::fault_codes;
use rederive_evidence::ids::Id;

/// A bundle cannot be used. Spec: bundle-faults.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleFault {
    /// A file cannot be read or written.
    #[error("{path}: {kind}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        kind: ErrorKind,
    },
    /// What should be a tar is none, or only the beginning of one.
    #[error("{path} is no tar, or one that is cut off or compressed")]
    NoTar {
        /// The file.
        path: String,
    },
    /// There is no bundle of this digest in the archive.
    #[error("no bundle with digest {0} is archived")]
    NotArchived(Digest),
    /// What lies under a digest has another one.
    #[error("the bundle archived under {expected} has digest {found}")]
    OtherBundle {
        /// The digest asked for.
        expected: Digest,
        /// The digest of what is there.
        found: Digest,
    },
    /// A name leads out of the bundle, or is none that a bundle may have.
    #[error("{path:?} is not a path inside of a bundle")]
    Path {
        /// The name.
        path: String,
    },
    /// Something that is neither a file nor a folder: a link, a device.
    #[error("{path} is a link or a device")]
    Special {
        /// Its name.
        path: String,
    },
    /// One name twice.
    #[error("{path} is there twice")]
    Twice {
        /// The name.
        path: String,
    },
    /// More files than a bundle may have.
    #[error("more than {most} files")]
    Files {
        /// The limit.
        most: usize,
    },
    /// A file is too large, or all are together.
    #[error("{path} is larger than {most} bytes, or takes the bundle over them")]
    Large {
        /// The file.
        path: String,
        /// The limit that it goes over.
        most: u64,
    },
    /// The manifest is not what SPEC.md says.
    #[error("manifest.json: {0}")]
    Manifest(String),
    /// The format is one that this version does not know.
    #[error("bundle format {0} is not known to this version")]
    Format(u16),
    /// A file that the manifest lists is not there.
    #[error("{path} is in the manifest and not in the bundle")]
    Missing {
        /// The file.
        path: String,
    },
    /// A file that the manifest does not list.
    #[error("{path} is in the bundle and not in the manifest")]
    Unlisted {
        /// The file.
        path: String,
    },
    /// A file is not the one that the manifest lists.
    #[error("{path} has digest {found}, the manifest lists {expected}")]
    Tampered {
        /// The file.
        path: String,
        /// The digest in the manifest.
        expected: Digest,
        /// The file's.
        found: Digest,
    },
    /// The engine is one that this version does not have.
    #[error("no engine {0}")]
    Engine(Id),
    /// The schema in force is not the one that the manifest pins.
    #[error("the schema has digest {found}, the manifest pins {expected}")]
    OtherSchema {
        /// The digest in the manifest.
        expected: Digest,
        /// The schema's.
        found: Digest,
    },
    /// The schema cannot be read.
    #[error("{path}: {message}")]
    Schema {
        /// The file.
        path: String,
        /// The engine's words.
        message: String,
    },
    /// There is no policy: everything would be SILENCE.
    #[error("the bundle has no policies")]
    NoPolicies,
    /// A policy file cannot be read.
    #[error("{path}: {message}")]
    Syntax {
        /// The file.
        path: String,
        /// The engine's words.
        message: String,
    },
    /// Brackets lie deeper inside each other than in a policy text they may.
    #[error(
        "{path}: line {line}, column {column}: more than {most} brackets (or `if`s) inside each other: split the expression"
    )]
    Nested {
        /// The file.
        path: String,
        /// The line of the first that does, from 1.
        line: usize,
        /// And its column, from 1.
        column: usize,
        /// The limit.
        most: usize,
    },
    /// More operators in a row than a policy text may have.
    #[error(
        "{path}: line {line}, column {column}: more than {most} operators in a row: ask a set that `contains` the value, or split the policy"
    )]
    Chained {
        /// The file.
        path: String,
        /// The line of the brackets they stand in, or of their end where they stand in none, from 1.
        line: usize,
        /// And the column, from 1.
        column: usize,
        /// The limit.
        most: usize,
    },
    /// More in brackets than a parser can read that reads it anew for each of them.
    #[error(
        "{path}: line {line}, column {column}: the texts so far have more than {most} parts, each counted twice for every bracket around it: nest less"
    )]
    Readings {
        /// The file.
        path: String,
        /// The line of the first part beyond, from 1.
        line: usize,
        /// And its column, from 1.
        column: usize,
        /// The limit.
        most: u64,
    },
    /// The types of a schema are larger, once their names stand for what they name, than a schema may be.
    #[error(
        "{path}: line {line}, column {column}: with every name of a type written out, the schema has more than {most} parts: let fewer types be made of each other, and fewer stand in one pair of brackets"
    )]
    Expanded {
        /// The file.
        path: String,
        /// The line of the word that takes it over the limit, from 1.
        line: usize,
        /// And its column, from 1.
        column: usize,
        /// The limit.
        most: u64,
    },
    /// The policies are longer than can be checked for every kind of request that the schema has.
    #[error(
        "the policies count {words} words (each `has`, each attribute of a wide type and each group that `in` asks for, for several), to be checked for {requests} combinations of action, principal and resource that the schema has: together more than {most}; let actions apply to fewer, or make two bundles"
    )]
    Checks {
        /// Words and marks of all policies, and what counts besides.
        words: u64,
        /// Combinations of action, principal and resource.
        requests: u64,
        /// The limit of one times the other.
        most: u64,
    },
    /// A number has more digits than one may have.
    #[error("{path}: line {line}, column {column}: a number of more than {most} digits")]
    Digits {
        /// The file.
        path: String,
        /// The line of the number, from 1.
        line: usize,
        /// And its column, from 1.
        column: usize,
        /// The limit.
        most: u64,
    },
    /// What a Rego rule gives may be too much larger than what it is given.
    #[error(
        "{path}: line {line}, column {column}: what {rule} gives may double more than {most} times: {counted}; multiply values, or put them into lists and sets, fewer times one after the other"
    )]
    Grown {
        /// The file.
        path: String,
        /// The line of the rule, from 1.
        line: usize,
        /// And its column, from 1.
        column: usize,
        /// The rule's whole name.
        rule: String,
        /// What was counted, the most first.
        counted: String,
        /// The limit.
        most: u64,
    },
    /// A policy has no name of its own, or one that is no identifier.
    #[error("{path}: policy {place} of the file has no `@id` that is an identifier")]
    Unnamed {
        /// The file.
        path: String,
        /// Which policy of the file, from 1.
        place: usize,
    },
    /// Two policies of one name.
    #[error("two policies are named {0}")]
    SameName(Id),
    /// A template: what it stands for is not in the bundle.
    #[error("{path}: templates have no place in a bundle")]
    Template {
        /// The file.
        path: String,
    },
    /// An annotation says what no such policy can say.
    #[error("policy {policy}: @{name}({value:?}) is not one of: {allowed}")]
    Annotation {
        /// The policy.
        policy: Id,
        /// The annotation's name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be for such a policy.
        allowed: String,
    },
    /// An annotation that means nothing here. A misspelt directive would be one that nobody follows.
    #[error("policy {policy}: @{name} means nothing here")]
    UnknownAnnotation {
        /// The policy.
        policy: Id,
        /// The annotation's name.
        name: String,
    },
    /// A policy does not hold against the schema: it would fail, or never apply.
    #[error("policy {policy}: {message}")]
    Invalid {
        /// The policy.
        policy: String,
        /// The engine's words.
        message: String,
    },
    /// Entities or data cannot be read, or do not hold against the schema.
    #[error("{path}: {message}")]
    Data {
        /// The file.
        path: String,
        /// What is wrong.
        message: String,
    },
}

fault_codes! { BundleFault {
    Self::Unreadable { .. } => "B-UNREADABLE" "a file of the bundle cannot be read or written",
    Self::NoTar { .. } => "B-NO-TAR" "what should be a tar is none, or only the beginning of one",
    Self::NotArchived(_) => "B-NOT-ARCHIVED" "no bundle of this digest is in the archive",
    Self::OtherBundle { .. } => "B-OTHER-BUNDLE" "what is archived under a digest has another one",
    Self::Path { .. } => "B-PATH" "a name leads out of the bundle, or is none that a bundle may have",
    Self::Special { .. } => "B-SPECIAL" "a link or a device is in the bundle",
    Self::Twice { .. } => "B-TWICE" "a name stands twice",
    Self::Files { .. } => "B-FILES" "there are more files than a bundle may have",
    Self::Large { .. } => "B-LARGE" "a file is larger than it may be, or all are together",
    Self::Manifest(_) => "B-MANIFEST" "the manifest is not in its form",
    Self::Format(_) => "B-FORMAT" "the format is one that this version does not know",
    Self::Missing { .. } => "B-MISSING" "a file that the manifest lists is not there",
    Self::Unlisted { .. } => "B-UNLISTED" "a file is there that the manifest does not list",
    Self::Tampered { .. } => "B-TAMPERED" "a file is not the one that the manifest lists",
    Self::Engine(_) => "B-ENGINE" "the engine is one that this version does not have",
    Self::OtherSchema { .. } => "B-OTHER-SCHEMA" "the schema in force is not the one that the manifest pins",
    Self::Schema { .. } => "B-SCHEMA" "the schema cannot be read",
    Self::NoPolicies => "B-NO-POLICIES" "the bundle has no policies",
    Self::Syntax { .. } => "B-SYNTAX" "a policy file cannot be read",
    Self::Nested { .. } => "B-NESTED" "brackets lie deeper inside each other than in a policy text they may",
    Self::Chained { .. } => "B-CHAINED" "a policy text has more operators in a row than it may",
    Self::Readings { .. } => "B-READINGS" "the Rego texts have more in brackets than may be read",
    Self::Expanded { .. } => "B-EXPANDED" "a schema is larger, with the names of its types written out, than it may be",
    Self::Checks { .. } => "B-CHECKS" "the policies are longer than are checked for every kind of request that the schema has",
    Self::Digits { .. } => "B-DIGITS" "a number in Rego or in data has more digits than it may",
    Self::Grown { .. } => "B-GROWN" "what a Rego rule gives may be larger, beside what it is given, than it may be",
    Self::Unnamed { .. } => "B-UNNAMED" "a policy has no name that is an identifier",
    Self::SameName(_) => "B-SAME-NAME" "two policies have one name",
    Self::Template { .. } => "B-TEMPLATE" "a policy is a template",
    Self::Annotation { .. } => "B-ANNOTATION" "an annotation says what no such policy can say",
    Self::UnknownAnnotation { .. } => "B-UNKNOWN-ANNOTATION" "an annotation means nothing",
    Self::Invalid { .. } => "B-INVALID" "a policy does not hold against the schema, or a rule that `rules.json` declares leads nowhere",
    Self::Data { .. } => "B-DATA" "entities, entitlements or data cannot be read, or do not hold against the schema",
} }

impl BundleFault {
    /// A fault of the system's at a file.
    pub(crate) fn io(path: impl Into<String>, error: &std::io::Error) -> Self {
        Self::Unreadable { path: path.into(), kind: error.kind() }
    }
}
