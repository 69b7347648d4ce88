//! Stable codes of the faults that evidence can cause, each with SPEC.md's words for it.

use crate::cbor::DecodeFault;
use crate::chain::PayloadFault;
use crate::keys::SignatureFault;
use crate::proof::ProofFault;
use crate::signed::{SignedFault, TrustFault};
use crate::sparse::StateProofFault;
use crate::tree::PathFault;

/// A stable code, and what it says. Codes are for ever. Spec: codes.
pub type FaultCode = (&'static str, &'static str);

/// Gives a fault's variants their codes and meanings: `PATTERN => CODE MEANING`; and, behind a semicolon, those whose code is that of the
/// fault inside: `PATTERN => EXPRESSION`.
#[macro_export]
macro_rules! fault_codes {
    ($fault:ty {
        $($pattern:pat => $code:literal $meaning:literal,)*
        $(; $($wraps:pat => $inner:expr,)*)?
    }) => {
        impl $fault {
            /// The codes of its own, in the order of the faults. Spec: codes.
            pub const CODES: &'static [$crate::codes::FaultCode] = &[$(($code, $meaning)),*];

            /// The stable code of this fault. Spec: codes.
            pub fn code(&self) -> &'static str {
                match self {
                    $($pattern => $code,)*
                    $($($wraps => $inner,)*)?
                }
            }
        }
    };
}

/// Every code of this crate, in the order of SPEC.md's table. Spec: codes.
pub const ALL: &[&[FaultCode]] = &[
    DecodeFault::CODES,
    SignedFault::CODES,
    PayloadFault::CODES,
    SignatureFault::CODES,
    TrustFault::CODES,
    PathFault::CODES,
    ProofFault::CODES,
    StateProofFault::CODES,
];
