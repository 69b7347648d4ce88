//! The first process of a sandbox: started by the gate in fresh namespaces, and of no use otherwise.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let socket = std::env::args_os().nth(1).unwrap_or_default();
    rederive_gate::sandbox::init(std::path::Path::new(&socket))
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::FAILURE
}
