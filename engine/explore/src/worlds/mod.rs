//! Agents under test: an agent steps through generated worlds, a property is asked of what it did, and the smallest world in which it does not hold
//! comes back as a trace that can be replayed, and that ends with the act after which it does not.
//!
//! An agent here is a function of what it has seen: the same sights, the same act. What a model does of chance is fixed before, or recorded and
//! answered again.
//!
//! ```
//! use rederive_explore::worlds::{Act, Seen, check, worlds};
//!
//! // An agent that pays whatever a mail says.
//! let agent = |seen: &[Seen]| match seen {
//!     [Seen::Task(_)] => Act::call("search_mail", r#"{"query": "invoice"}"#),
//!     [.., Seen::Result { tool, text }] if tool == "search_mail" && text.contains("pay") => {
//!         Act::call("send_money", r#"{"amount": 480}"#)
//!     }
//!     _ => Act::Say("done".to_owned()),
//! };
//! let worlds = worlds(&["Read my mail."], &["an invoice", "please pay", "nothing"]);
//! let failure = check(agent, worlds, |played| match played.calls().find(|call| call.tool == "send_money") {
//!     Some(_) => Err("it pays, and nobody asked it to".to_owned()),
//!     None => Ok(()),
//! }, 200, 7).unwrap_err();
//! let failed = failure.smallest().unwrap();
//! assert_eq!(failed.world.replies, ["please pay"], "nothing more than it takes");
//! assert_eq!(failed.trace.calls().count(), 2, "a run that `rederive replay` derives again");
//! ```

mod cut;
mod record;
mod trace;
mod world;

/// The document's code, compiled and run with the tests of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/testing-agents.md")]
struct Document;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::parts::PartsFault;

pub use record::RecordFault;
pub use trace::{Proposed, Trace};
pub use world::{Answer, Reply, World, worlds, worlds_of_tools};

/// Acts of one agent in one world at most: one that does not come to an end is stopped there.
pub const ACTS_MAX: usize = 64;
/// Times that a failing world is made smaller at most.
const SHRUNK_MAX: u32 = 4_096;

/// Something that an agent has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// What the user asks for.
    Task(String),
    /// What a tool said.
    Result {
        /// The tool.
        tool: String,
        /// What it said.
        text: String,
    },
    /// A call failed.
    Failed {
        /// The tool.
        tool: String,
        /// What it said; none: no answer came in time.
        error: Option<String>,
    },
}

/// What an agent does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// It calls a tool.
    Call(Call),
    /// It says something, and is done.
    Say(String),
}

/// A tool's call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The tool: a name of the alphabet of identifiers.
    pub tool: String,
    /// Its arguments, as a model would write them: JSON.
    pub arguments: String,
}

impl Act {
    /// A call of this tool with these arguments.
    pub fn call(tool: &str, arguments: &str) -> Self {
        Self::Call(Call { tool: tool.to_owned(), arguments: arguments.to_owned() })
    }
}

/// What an agent did in a world.
#[derive(Clone, Debug)]
pub struct Played {
    /// The world.
    pub world: World,
    /// What the agent did, in order.
    pub acts: Vec<Act>,
    /// The run as a sealed trace: observed, under a key of the helper's own, the same bytes each time.
    pub trace: Trace,
}

impl Played {
    /// The calls, in order.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.acts.iter().filter_map(|act| match act {
            Act::Call(call) => Some(call),
            Act::Say(_) => None,
        })
    }

    /// What it said at the end; none where it came to none.
    pub fn said(&self) -> Option<&str> {
        self.acts.iter().find_map(|act| match act {
            Act::Say(text) => Some(text.as_str()),
            Act::Call(_) => None,
        })
    }
}

/// Why a check did not hold. What is printed of it where a test unwraps it is what it says in words.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The property does not hold in a world; it is the smallest that was found.
    #[error("{}", in_words(reason, *seed, smallest, rest))]
    Property {
        /// What the property says of it, or with what the agent or the property panicked.
        reason: String,
        /// The seed under which it was found.
        seed: u64,
        /// What the agent does in it, up to the act after which the property no longer holds.
        smallest: Box<Played>,
        /// What it does after that, which is cut off. Nothing where a run without an act fails already: whether the property holds is then known at the end alone.
        rest: Vec<Act>,
    },
    /// The worlds' strategy gave none.
    #[error("no world was generated: {0}")]
    NoWorld(String),
    /// What the agent does makes no run.
    #[error(transparent)]
    Record(#[from] RecordFault),
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A failure with the world that it takes, what the agent does in it, and how to look at it again.
fn in_words(reason: &str, seed: u64, smallest: &Played, rest: &[Act]) -> String {
    let Played { world, acts, .. } = smallest;
    let answers = world.answers.iter().map(|answer| match &answer.arguments {
        Some(arguments) => format!("  {}({arguments}) gives {:?}", answer.tool, answer.reply),
        None => format!("  {} gives {:?}", answer.tool, answer.reply),
    });
    let replies = (1..).zip(&world.replies).map(|(number, reply)| format!("  reply {number} is {reply:?}"));
    let cut = acts.len();
    let acts = (1..).zip(acts.iter().chain(rest)).map(|(number, act): (usize, &Act)| {
        let cut_off = if number > cut { ", cut off" } else { "" };
        match act {
            Act::Call(call) => format!("  act {number} calls {}({}){cut_off}", call.tool, call.arguments),
            Act::Say(text) => format!("  act {number} says {text:?}{cut_off}"),
        }
    });
    let lines: Vec<String> = answers.chain(replies).chain(acts).collect();
    format!(
        "the property does not hold: {reason}\n  seed {seed}, the smallest world that was found\n  the task is {:?}\n{}\n\
         `std::fs::write(\"failed.rdt\", &failure.smallest().unwrap().trace)` writes the run; `rederive show failed.rdt` shows it, `rederive replay failed.rdt` replays it",
        world.task,
        lines.join("\n")
    )
}

impl Failure {
    /// The smallest world in which the property does not hold.
    pub fn smallest(&self) -> Option<&Played> {
        match self {
            Self::Property { smallest, .. } => Some(smallest),
            Self::NoWorld(_) | Self::Record(_) => None,
        }
    }
}

/// The world that a recorded run was in: the first message of its user, and what came of its calls. Redacted contents say nothing.
///
/// # Errors
/// The trace cannot be taken apart.
pub fn recorded(trace: &[u8]) -> Result<World, PartsFault> {
    Ok(World::of(&Trace::of(trace.to_vec())?))
}

/// What the agent does in this world.
///
/// # Errors
/// It makes no run: a tool's name is none, or a content is larger than a record may bring.
pub fn play(agent: impl Fn(&[Seen]) -> Act, world: &World) -> Result<Played, RecordFault> {
    Ok(play_until(|seen| Ok(agent(seen)), world)?.0)
}

/// What the agent does in this world until it has no act; and why it has none, where it panics.
fn play_until(
    agent: impl Fn(&[Seen]) -> Result<Act, String>,
    world: &World,
) -> Result<(Played, Option<String>), RecordFault> {
    let (mut seen, mut acts, mut stopped) = (vec![Seen::Task(world.task.clone())], Vec::new(), None);
    let mut replies = world.replies.iter();
    while acts.len() < ACTS_MAX {
        let act = match agent(&seen) {
            Ok(act) => act,
            Err(reason) => {
                stopped = Some(reason);
                break;
            }
        };
        acts.push(act.clone());
        let Act::Call(call) = act else { break };
        let reply = world.answer(&call).or_else(|| replies.next());
        let tool = call.tool;
        seen.push(match reply {
            None => Seen::Result { tool, text: String::new() },
            Some(Reply::Text(text)) => Seen::Result { tool, text: text.clone() },
            Some(Reply::Error(error)) => Seen::Failed { tool, error: Some(error.clone()) },
            Some(Reply::TimeOut) => Seen::Failed { tool, error: None },
        });
    }
    let trace = Trace::of(record::trace(&seen, &acts)?)?;
    Ok((Played { world: world.clone(), acts, trace }, stopped))
}

/// What comes of a call of the tester's own code; where it panics, with what.
fn caught<T>(whose: &str, call: impl FnOnce() -> T) -> Result<T, String> {
    // What a panic leaves half-done is the tester's own: the next call shows it as any other does.
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let words = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
        format!("{whose} panicked: {}", words.unwrap_or_else(|| "with no words".to_owned()))
    })
}

/// Plays the agent in this world and asks the property of it: the run, and why it does not hold. A panic of either is a failure like any other.
fn asked(
    agent: &impl Fn(&[Seen]) -> Act,
    property: &impl Fn(&Played) -> Result<(), String>,
    world: &World,
) -> Result<(Played, Option<String>), RecordFault> {
    let (played, stopped) = play_until(|seen| caught("the agent", || agent(seen)), world)?;
    let reason = stopped.or_else(|| caught("the property", || property(&played)).flatten().err());
    Ok((played, reason))
}

/// Plays the agent in `cases` worlds, drawn by the seed, and asks the property of each. Where agent or property panics it does not hold.
///
/// # Errors
/// The smallest world that was found in which it does not hold; no world was played.
pub fn check(
    agent: impl Fn(&[Seen]) -> Act,
    worlds: impl Strategy<Value = World>,
    property: impl Fn(&Played) -> Result<(), String>,
    cases: u32,
    seed: u64,
) -> Result<(), Failure> {
    if cases == 0 {
        return Err(Failure::NoWorld("0 cases were asked for".to_owned()));
    }
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(seed.to_be_bytes()).for_each(|(byte, of_seed)| *byte = of_seed);
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: SHRUNK_MAX, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    for _ in 0..cases {
        let tree = worlds.new_tree(&mut runner);
        let mut tree = tree.map_err(|reason| Failure::NoWorld(reason.to_string()))?;
        if let (played, Some(reason)) = asked(&agent, &property, &tree.current())? {
            let (smallest, reason) = shrunk(&agent, &property, &mut tree, (played, reason))?;
            let (smallest, reason, rest) = cut::cut(&property, smallest, reason)?;
            return Err(Failure::Property { reason, seed, smallest: Box::new(smallest), rest });
        }
    }
    Ok(())
}

/// Makes the world smaller for as long as the property fails in it.
fn shrunk(
    agent: &impl Fn(&[Seen]) -> Act,
    property: &impl Fn(&Played) -> Result<(), String>,
    tree: &mut impl ValueTree<Value = World>,
    (mut smallest, mut reason): (Played, String),
) -> Result<(Played, String), RecordFault> {
    let mut moves = tree.simplify();
    for _ in 0..SHRUNK_MAX {
        if !moves {
            break;
        }
        moves = match asked(agent, property, &tree.current())? {
            (played, Some(again)) => {
                (smallest, reason) = (played, again);
                tree.simplify()
            }
            (_, None) => tree.complicate(),
        };
    }
    Ok((smallest, reason))
}
