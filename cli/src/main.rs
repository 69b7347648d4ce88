//! Record, replay and prove the runs of AI agents.
//!
//! The one crate that prints, reads arguments and exits. The libraries return typed values; here they become words.

mod args;
mod commands;
mod exit;
mod html;
mod names;
mod paths;
mod policies;
mod problem;
mod progress;
mod style;
mod terminal;
mod text;
mod time;
mod trace;
mod words;

fn main() -> std::process::ExitCode {
    let print = std::panic::take_hook();
    // What a policy engine panics over is told as what it means: the rule failed.
    std::panic::set_hook(Box::new(move |panic| {
        if !rederive_policy::is_panic_caught() {
            print(panic);
        }
    }));
    args::run()
}
