//! Keys, tokens and passwords: by the prefixes that their issuers give them, by form, and by the word before them.

use std::sync::LazyLock;

use rederive_evidence::kinds::guardrail::DetectedClass::Secret;

use super::patterns::{Pattern, Patterns, always};
use super::spot::Spot;

/// A pattern for what an issuer's prefix marks.
const fn issued(rule: &'static str, expression: &'static str) -> Pattern {
    Pattern { rule, class: Secret, expression, holds: always }
}

const TABLE: &[Pattern] = &[
    issued("aws-key-id", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    issued("github-token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})"),
    issued("gitlab-token", r"\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat)-[A-Za-z0-9_-]{20,128}"),
    issued("slack-token", r"\bx(?:ox[abeoprs]|app)-[A-Za-z0-9-]{10,250}"),
    issued("slack-hook", r"\bhooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_+-]{20,200}"),
    issued("stripe-key", r"\b(?:[rs]k_(?:live|test|prod)_[A-Za-z0-9]{16,250}|whsec_[A-Za-z0-9+/=]{24,100})"),
    issued("model-key", r"\bsk-(?:ant-|proj-|svcacct-|admin-|or-v1-|lf-)?[A-Za-z0-9_-]{20,250}"),
    issued(
        "google-key",
        r"\b(?:AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{20,60}|ya29\.[A-Za-z0-9_.-]{20,})",
    ),
    issued(
        "package-token",
        r"\b(?:npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_-]{50,}|rubygems_[a-f0-9]{48}|cio[A-Za-z0-9]{32}\b|dckr_pat_[A-Za-z0-9_-]{20,60})",
    ),
    issued(
        "mail-service-key",
        r"\b(?:SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}|key-[0-9a-f]{32}\b|xkeysib-[a-f0-9]{64})",
    ),
    issued("telephony-key", r"\b(?:SK|AC)[0-9a-f]{32}\b"),
    issued("bot-token", r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"),
    issued("shop-token", r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b"),
    issued(
        "cloud-token",
        r"\b(?:do[opr]_v1_[a-f0-9]{64}|dapi[a-f0-9]{32}|hf_[A-Za-z0-9]{30,60}|(?:hvs|hvb|hvr)\.[A-Za-z0-9_-]{24,}|lin_api_[A-Za-z0-9]{32,60}|ntn_[A-Za-z0-9]{40,60}|figd_[A-Za-z0-9_-]{36,60}|glsa_[A-Za-z0-9_]{32,60}|sntrys_[A-Za-z0-9_+/=-]{40,}|vercel_[A-Za-z0-9_]{20,60}|r8_[A-Za-z0-9]{36,40}|gsk_[A-Za-z0-9]{40,60})",
    ),
    issued("age-key", r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b"),
    issued("signing-key-file", r"rederive signing key 1\r?\n(?<it>[0-9a-f]{64})"),
    issued(
        "private-key",
        r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----[^-]*(?:-----END (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----)?",
    ),
    issued("jwt", r"\beyJ[A-Za-z0-9_-]{5,}\.eyJ[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{0,}"),
    Pattern {
        rule: "bearer",
        class: Secret,
        expression: r"(?i:\b(?:bearer|token|basic|negotiate)[ :]{1,2})(?<it>[A-Za-z0-9._~+/-]{16,}={0,2})",
        holds: is_disordered,
    },
    Pattern {
        rule: "authorization",
        class: Secret,
        expression: r#"(?i:\b(?:proxy-)?authorization["']?[ :=]{1,3}["']?(?:[a-z]{3,12} {1,2})?)(?<it>[A-Za-z0-9._~+/-]{8,}={0,2})"#,
        holds: is_value,
    },
    Pattern {
        rule: "cookie",
        class: Secret,
        expression: r"(?i:\b(?:set-)?cookie: {0,2}[a-z0-9_.-]{1,64}=)(?<it>[^;\s\x22\x27]{8,})",
        holds: is_value,
    },
    Pattern {
        rule: "url-password",
        class: Secret,
        expression: r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@\x22\x27<>]{0,128}:(?<it>[^\s/@\x22\x27<>]{1,256})@",
        holds: is_value,
    },
    Pattern {
        rule: "account-key",
        class: Secret,
        expression: r"(?i:\b(?:AccountKey|SharedAccessKey|SharedAccessSignature|aws_secret_access_key|secret_?access_?key)[\x22\x27]?[ :=]{1,3}[\x22\x27]?)(?<it>[A-Za-z0-9+/=%_-]{20,200})",
        holds: always,
    },
    Pattern {
        rule: "password",
        class: Secret,
        expression: r#"(?i:\b[a-z0-9_-]{0,32}(?:password|passwd|passphrase|passcode|pwd|kennwort|contraseña|mot de passe)\b["']?(?: is| ist| für [a-z0-9]{1,20})?[ ]{0,2}[:=]{1,2}>?[ ]{0,2}["'`]?)(?<it>[^\s"'`,;&<>\[\]]{4,256})"#,
        holds: is_value,
    },
    Pattern {
        rule: "password",
        class: Secret,
        expression: r#"(?i:\b(?:password|passphrase|passcode|pin)\b(?: for [a-z0-9 ]{1,40})? is:? {0,2}["'`]?)(?<it>[^\s"'`,;&<>\[\]]{4,256})"#,
        holds: has_digit_or_sign,
    },
    Pattern {
        rule: "secret",
        class: Secret,
        expression: r#"(?i:\b[a-z0-9_-]{0,32}(?:secret|api[_ -]?key|apikey|access[_ -]?key|auth[_ -]?token|access[_ -]?token|refresh[_ -]?token|client[_ -]?secret|private[_ -]?key|session[_ -]?(?:id|token|key)|encryption[_ -]?key)\b["']?(?: is)?[ ]{0,2}[:=]{1,2}>?[ ]{0,2}["'`]?)(?<it>[A-Za-z0-9+/._~=-]{12,})"#,
        holds: is_disordered,
    },
    Pattern {
        rule: "one-time-code",
        class: Secret,
        expression: r"(?i:\b(?:one[- ]time (?:code|password|passcode|pin)|otp|verification code|security code|login code|2fa code|auth(?:entication)? code|confirmation code)(?: (?:is|for [a-z0-9 ]{1,40} is))?[ :=#]{1,3})(?<it>[A-Z]?-?[0-9]{4,8})\b",
        holds: always,
    },
];

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns::new(TABLE));

/// Adds what is found in `text`.
pub(super) fn find(text: &[u8], found: &mut Vec<Spot>) {
    PATTERNS.find(text, found);
}

/// Whether a value is more than a placeholder or a reference to where the value is.
fn is_value(text: &[u8]) -> bool {
    const PLACEHOLDERS: &[&[u8]] = &[
        b"null",
        b"none",
        b"true",
        b"false",
        b"undefined",
        b"example",
        b"changeme",
        b"redacted",
        b"required",
        b"string",
    ];
    let lower = text.to_ascii_lowercase();
    let is_reference = matches!(text.first(), Some(b'$' | b'{' | b'<' | b'%' | b'['));
    let is_one_byte = text.iter().all(|byte| text.first() == Some(byte));
    !is_reference && !is_one_byte && !PLACEHOLDERS.contains(&lower.as_slice())
}

/// Whether a word cannot be one of a sentence.
fn has_digit_or_sign(text: &[u8]) -> bool {
    let trimmed = text.strip_suffix(b".").unwrap_or(text);
    is_value(text)
        && trimmed.iter().any(|byte| {
            byte.is_ascii_digit() || matches!(byte, b'!' | b'#' | b'$' | b'%' | b'*' | b'_' | b'@')
        })
}

/// Whether bytes look drawn and not written: at least a third of them differ, and letters and digits, or cases, are mixed.
fn is_disordered(text: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in text {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    let distinct = seen.iter().filter(|seen| **seen).count();
    let has = |class: fn(&u8) -> bool| usize::from(text.iter().any(class));
    let kinds = has(u8::is_ascii_digit) + has(u8::is_ascii_lowercase) + has(u8::is_ascii_uppercase);
    is_value(text) && distinct >= (text.len() / 3).clamp(6, 20) && kinds >= 2
}

#[cfg(test)]
mod tests {
    use super::super::spot::testing::{assert_found, rules_in};
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(PATTERNS.len(), TABLE.len());
    }

    /// Put together here, so that no search for leaked keys finds this file.
    fn made(prefix: &str, alphabet: &str, length: usize) -> String {
        prefix.chars().chain(alphabet.chars().cycle().take(length)).collect()
    }

    #[test]
    fn issued_tokens_are_found_by_prefix_alphabet_and_length() {
        let mixed = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7";
        let hex = "0a1b2c3d4e5f6789";
        let table = [
            ("aws-key-id", made("AKIA", "ABCDEFGH234567", 16)),
            ("github-token", made("ghp_", mixed, 36)),
            ("github-token", made("github_pat_", mixed, 40)),
            ("gitlab-token", made("glpat-", mixed, 20)),
            ("slack-token", made("xoxb-", "1234567890", 24)),
            ("stripe-key", made("sk_live_", mixed, 24)),
            ("model-key", made("sk-ant-", mixed, 40)),
            ("google-key", made("AIza", mixed, 35)),
            ("package-token", made("npm_", mixed, 36)),
            ("mail-service-key", format!("{}.{}", made("SG.", mixed, 22), made("", mixed, 43))),
            ("telephony-key", made("SK", hex, 32)),
            ("shop-token", made("shpat_", hex, 32)),
            ("cloud-token", made("hf_", mixed, 34)),
            ("jwt", format!("{}.{}.{}", made("eyJ", mixed, 20), made("eyJ", mixed, 30), made("", mixed, 43))),
            ("private-key", format!("-----BEGIN {0} KEY-----\nAAAA\n-----END {0} KEY-----", "RSA PRIVATE")),
        ];
        for (rule, token) in table {
            assert_eq!(rules_in(find, &format!("use {token} here")), [(rule, token.clone())], "{token}");
        }
        assert_eq!(rules_in(find, &made("ghp_", mixed, 35)), []);
        assert_eq!(rules_in(find, &made("AKIA", "ABCDEFGH234567", 15)), []);
    }

    #[test]
    fn secrets_are_found_by_the_word_before_them_and_placeholders_are_not() {
        let table: &[(&str, &[(&str, &str)])] = &[
            ("postgres://app:s3cr3t@db/x", &[("url-password", "s3cr3t")]),
            ("https://example.org:8080/@x", &[]),
            ("Server=db;Password=hunter2;", &[("password", "hunter2")]),
            ("DB_PASSWORD=\"hunter2\"", &[("password", "hunter2")]),
            ("\"password\": \"hunter2\"", &[("password", "hunter2")]),
            ("Your password is: br1ght-day!", &[("password", "br1ght-day!")]),
            ("The password is required.", &[]),
            ("password: ${DB_PASSWORD}", &[]),
            ("password=null, passwd: ****", &[]),
            ("Authorization: Basic dXNlcjpwYXNz", &[("authorization", "dXNlcjpwYXNz")]),
            ("bearer of good news in the morning", &[]),
            ("api_key = 9f8e7d6c5b4a39281706", &[("secret", "9f8e7d6c5b4a39281706")]),
            ("api_key = the-name-of-it", &[]),
            ("Your verification code is 493021.", &[("one-time-code", "493021")]),
            ("Cookie: sid=38afes7a8; x=1", &[("cookie", "38afes7a8")]),
        ];
        assert_found(find, table);
    }
}
