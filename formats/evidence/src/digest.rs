//! Digests: BLAKE3 under a key that names what is hashed, so that no bytes of one purpose pass for another's.
//!
//! The key of purpose p is `derive_key("rederive 1 p", "")`; a digest is the keyed hash of the bytes as they stand.
//! This module and [`crate::lanes`] are the only ones that hash. Spec: digest-keys, digest.

use std::sync::LazyLock;

use crate::hex::hex_bytes;

hex_bytes! {
    /// A digest of some [`Purpose`]. Ordered as bytes.
    #[derive(Default)]
    Digest, 32, "digest";
}

impl Digest {
    /// 32 zero bytes: the empty state's root, and the previous header of segment 0. No input is known that hashes to it.
    pub const ZERO: Self = Self([0; 32]);
}

macro_rules! purposes {
    ($($(#[$doc:meta])* $purpose:ident = $name:literal,)+) => {
        /// What a digest stands for; each has a key of its own. Spec: digest-purposes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Purpose {
            $($(#[$doc])* $purpose,)+
        }

        impl Purpose {
            /// Every purpose, in the order of SPEC.md's table.
            pub const ALL: &'static [Self] = &[$(Self::$purpose),+];

            /// The name that SPEC.md gives it, which its key is derived from.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$purpose => $name,)+
                }
            }

            /// The key of this purpose, derived at its first use.
            pub fn key(self) -> &'static [u8; 32] {
                match self {
                    $(Self::$purpose => {
                        static KEY: LazyLock<[u8; 32]> =
                            LazyLock::new(|| blake3::derive_key(concat!("rederive 1 ", $name), &[]));
                        &KEY
                    })+
                }
            }
        }
    };
}

purposes! {
    /// A record's frame.
    Leaf = "leaf",
    /// Two children in the record tree or the header tree, 64 bytes.
    Node = "node",
    /// A delta's canonical bytes, padded with zeros to a multiple of 64.
    Delta = "delta",
    /// The checksum at the segment's start and the segment's delta digests so far.
    Checksum = "checksum",
    /// A whole signed header, as its COSE_Sign1 bytes.
    Header = "header",
    /// A salt and a content's bytes: the content's commitment.
    Content = "content",
    /// A content's bytes; only ever the input of a salt.
    ContentPlain = "content plain",
    /// A segment's lineage page.
    Lineage = "lineage",
    /// The canonical bytes of a state entry's key.
    StateKey = "state key",
    /// The canonical bytes of a state entry's value.
    StateValue = "state value",
    /// A state entry: key digest and value digest, 64 bytes.
    StateLeaf = "state leaf",
    /// Two children in the state tree, 64 bytes.
    StateNode = "state node",
    /// The canonical bytes of a request: what an approval covers.
    Request = "request",
    /// The canonical definition of a rule set.
    RuleSet = "rule set",
    /// A seed, its label and a counter: the bytes drawn under `--reproducible`.
    Seed = "seed",
    /// A file of a policy bundle, or the policy schema in force.
    BundleFile = "bundle file",
    /// The canonical bytes of a policy bundle's manifest: the bundle's digest.
    Bundle = "bundle",
    /// The canonical bytes of a tool registry.
    Registry = "registry",
}

/// Digests `bytes` for `purpose`.
pub fn digest(purpose: Purpose, bytes: &[u8]) -> Digest {
    Digest(blake3::keyed_hash(purpose.key(), bytes).into())
}

/// Two digests one after the other: the bytes of a node, or of a state entry.
pub(crate) fn joined(left: &Digest, right: &Digest) -> [u8; 64] {
    let mut bytes = [0; 64];
    let (first, second) = bytes.split_at_mut(32);
    first.copy_from_slice(&left.0);
    second.copy_from_slice(&right.0);
    bytes
}

/// Digests two digests one after the other.
pub fn digest_pair(purpose: Purpose, left: &Digest, right: &Digest) -> Digest {
    digest(purpose, &joined(left, right))
}

/// Digests bytes that come in pieces; where the pieces end does not matter.
#[derive(Clone, Debug)]
pub struct Digester(blake3::Hasher);

impl Digester {
    /// A digester of `purpose` with no bytes taken.
    pub fn new(purpose: Purpose) -> Self {
        Self(blake3::Hasher::new_keyed(purpose.key()))
    }

    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of the bytes so far; more may follow.
    pub fn digest(&self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// Derives the salt of a content from the run's secret: equal content in one run has one salt, and without the secret
/// or the salt a commitment cannot be tested against a guess. Spec: content-salt.
pub fn salt(run_secret: &[u8; 32], content: &[u8]) -> [u8; 32] {
    salt_of(run_secret, &digest(Purpose::ContentPlain, content))
}

/// The salt of the content that has this `content plain` digest. Spec: content-salt.
pub fn salt_of(run_secret: &[u8; 32], plain: &Digest) -> [u8; 32] {
    blake3::keyed_hash(run_secret, &plain.0).into()
}

/// Commits to a content: the `content` digest of its salt and its bytes. Spec: content-commitment.
pub fn commitment(salt: &[u8; 32], content: &[u8]) -> Digest {
    // A short message is hashed where it lies together: making a digester would cost more than copying it.
    let mut joined = [0; SHORT_BYTES];
    let bytes = salt.len() + content.len();
    if let Some((head, rest)) = joined.get_mut(..bytes).and_then(|room| room.split_first_chunk_mut()) {
        *head = *salt;
        rest.copy_from_slice(content);
        return digest(Purpose::Content, joined.get(..bytes).unwrap_or_default());
    }
    let mut digester = Digester::new(Purpose::Content);
    digester.update(salt);
    digester.update(content);
    digester.digest()
}

/// Salt and content together of at most this many bytes, one chunk of BLAKE3, are copied to be hashed.
const SHORT_BYTES: usize = 1_024;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Digests of `abc`, computed with the Python package blake3 1.0.11 from SPEC.md's definition.
    const OF_ABC: &[(Purpose, &str)] = &[
        (Purpose::Leaf, "2addada25fd932cf224bb9aca21c3912b3195379851539970bbdb9cea4b48b14"),
        (Purpose::Node, "a53c05f1b351123c0636f5c6b92f6c67de3ca75a6ea026e7177566752442aac7"),
        (Purpose::Delta, "f618a8063e5e4beae9ea075ab14cfa58623432bb36c93d0664fc1e60426720bc"),
        (Purpose::Checksum, "92cc6ec335db564c48418099bf386babb2888deee17abadd9f8795167a982ad5"),
        (Purpose::Header, "b027ee945368cafa4c7948238987203b05e383180b41f186f6e4ed4bb8d2d21b"),
        (Purpose::Content, "7c2c87b35c3c7a98637ca1f6c651830a986da246c7dc86fa25ed90fc571cf726"),
        (Purpose::ContentPlain, "9c937611920a2e9cb75f5e20c0bca265a88e18d0efc0dc54987338f8275b9df5"),
        (Purpose::Lineage, "3afc4407dc7b27cb614a026ad9d3334a04f9eaa3b27a594c4624bb6bebc7a94b"),
        (Purpose::StateKey, "eddaa6dfd3754587c44f9813526446a002a0fec8944710307d4c1af702f92b97"),
        (Purpose::StateValue, "40c9b5ad3c9bdf117e312625a6b36be8055817f573a004df10f3e3d23dd3aa73"),
        (Purpose::StateLeaf, "3ea4bb6e55bd16752ade95495137eae363e2132176fb7ebaccb8e59f15ac83b1"),
        (Purpose::StateNode, "aec34ca8177e8ab58450cee34fa5dd7f77d57bfa6b2d156b2e07672517213e8c"),
        (Purpose::Request, "4455fddb3c4c037a2b4f3fb39d598a8b9816924da41357476ceed365809da011"),
        (Purpose::RuleSet, "c4a01f6b4ba85269946919962c7bccd98f0d5297304ab6635d62f166e365f967"),
        (Purpose::Seed, "1924d12098f5fa735d2e97f49fbd32f05e3dedf1090886dd7d2c71dd9baa3bd5"),
        (Purpose::BundleFile, "4dfb3e885b7bc00e6d84bd238177821a03cb3c1f7652aa0f7a58c2cc26cb4ed0"),
        (Purpose::Bundle, "56c0fe0ef03626742ccc4edc6f8c6af4a4cf00b6a75631c8a3565dd079d3131f"),
        (Purpose::Registry, "1b24429abcb889a3c5c75d545794f97069c25ba878fc12701ec79a3310722b3b"),
    ];

    #[test]
    fn every_purpose_digests_as_the_spec_defines() {
        let pinned: Vec<Purpose> = OF_ABC.iter().map(|(purpose, _)| *purpose).collect();
        assert_eq!(pinned, Purpose::ALL);
        for (purpose, hex) in OF_ABC {
            assert_eq!(digest(*purpose, b"abc").to_hex(), *hex, "{}", purpose.name());
        }
    }

    #[test]
    fn no_two_purposes_share_a_key() {
        let keys: BTreeSet<_> = Purpose::ALL.iter().map(|purpose| purpose.key()).collect();
        assert_eq!(keys.len(), Purpose::ALL.len());
    }

    #[test]
    fn a_digest_is_hex_in_json_and_nothing_else() {
        let digest = digest(Purpose::Leaf, b"abc");
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(json, format!("\"{digest}\""));
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        assert!(serde_json::from_str::<Digest>(&json.to_uppercase()).is_err());
        assert!(serde_json::from_str::<Digest>("[1,2]").is_err());
    }

    #[test]
    fn a_commitment_covers_salt_and_content_and_their_border() {
        let content = b"the user's question";
        let salted = salt(&[7; 32], content);
        let made = commitment(&salted, content);
        let joined = [salted.as_slice(), content].concat();
        assert_eq!(made, digest(Purpose::Content, &joined));
        assert_ne!(made, commitment(&salt(&[8; 32], content), content));
        assert_ne!(made, commitment(&salted, b"the user's questioN"));
        assert_eq!(salted, salt(&[7; 32], content));
    }

    #[test]
    fn a_commitment_is_the_same_digest_on_both_sides_of_what_is_copied() {
        for length in [0, 1, SHORT_BYTES - 33, SHORT_BYTES - 32, SHORT_BYTES - 31, 2 * SHORT_BYTES] {
            let (salt, content) = ([5; 32], vec![7; length]);
            let joined = [salt.as_slice(), &content].concat();
            assert_eq!(commitment(&salt, &content), digest(Purpose::Content, &joined), "{length}");
        }
    }

    proptest! {
        #[test]
        fn pieces_digest_as_the_whole(bytes in prop::collection::vec(any::<u8>(), 0..3000), cut: prop::sample::Index) {
            let (left, right) = bytes.split_at(cut.index(bytes.len() + 1));
            let mut digester = Digester::new(Purpose::Checksum);
            digester.update(left);
            prop_assert_eq!(digester.digest(), digest(Purpose::Checksum, left));
            digester.update(right);
            prop_assert_eq!(digester.digest(), digest(Purpose::Checksum, &bytes));
        }

        #[test]
        fn a_pair_digests_as_its_joined_bytes(left: [u8; 32], right: [u8; 32]) {
            let joined = [left, right].concat();
            prop_assert_eq!(digest_pair(Purpose::Node, &Digest(left), &Digest(right)), digest(Purpose::Node, &joined));
        }
    }
}
