//! What an agent meets: a task, and what its tools say or fail with.

use proptest::collection::vec;
use proptest::prop_oneof;
use proptest::sample::select;
use proptest::strategy::{Just, Strategy};
use rederive_evidence::ids::Content;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::tool::FailureClass;
use serde_json::Value;

use super::{Call, Trace};
use crate::bundle::content_of_data;

/// Texts of which one generated reply is put together at most.
const PIECES_MAX: usize = 3;
/// Replies of a generated world at most.
const REPLIES_MAX: usize = 8;
/// Of so many generated replies about one is an error, and one a time-out.
const FAILURES_ONE_IN: u32 = 10;

/// What an agent meets: the task it is given, and what the tools that it calls say.
///
/// A call gets the first of the `answers` that fits its tool and its arguments; where none names the arguments, the first for the tool; where none names the tool,
/// the next of the `replies`. After the last of them, tools say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// What the user asks for.
    pub task: String,
    /// What tools say whenever they are called.
    pub answers: Vec<Answer>,
    /// What tools say, call by call.
    pub replies: Vec<Reply>,
}

/// What a tool says whenever it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The tool.
    pub tool: String,
    /// The arguments for which it says so, as JSON in whatever layout; none: for all others.
    pub arguments: Option<String>,
    /// What it says.
    pub reply: Reply,
}

/// What comes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The tool's result.
    Text(String),
    /// The tool reports an error, in these words.
    Error(String),
    /// No answer comes in time.
    TimeOut,
}

impl Reply {
    /// Its words; none: it took too long.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Error(text) => text,
            Self::TimeOut => "",
        }
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl PartialEq<&str> for Reply {
    /// Whether it is a result, and says this.
    fn eq(&self, text: &&str) -> bool {
        matches!(self, Self::Text(said) if said == text)
    }
}

impl World {
    /// A world in which tools say nothing.
    pub fn new(task: &str) -> Self {
        Self { task: task.to_owned(), ..Self::default() }
    }

    /// The same world, in which this tool says so whatever it is asked.
    pub fn answering(mut self, tool: &str, reply: impl Into<Reply>) -> Self {
        self.answers.push(Answer { tool: tool.to_owned(), arguments: None, reply: reply.into() });
        self
    }

    /// The same world, in which this tool says so when it is called with these arguments.
    pub fn answering_to(mut self, tool: &str, arguments: &str, reply: impl Into<Reply>) -> Self {
        let arguments = Some(arguments.to_owned());
        self.answers.push(Answer { tool: tool.to_owned(), arguments, reply: reply.into() });
        self
    }

    /// What comes of a call, where answers name its tool.
    pub(super) fn answer(&self, call: &Call) -> Option<&Reply> {
        let of_tool = || self.answers.iter().filter(|answer| answer.tool == call.tool);
        let named = of_tool().find(|answer| {
            answer.arguments.as_ref().is_some_and(|arguments| is_same(arguments, &call.arguments))
        });
        named.or_else(|| of_tool().find(|answer| answer.arguments.is_none())).map(|answer| &answer.reply)
    }

    /// The world that a recorded run was in: the first message of its user, and what came of its calls, in the order in which they ended. Redacted contents say
    /// nothing.
    pub(super) fn of(trace: &Trace) -> Self {
        let text = |content: Option<&[u8]>| String::from_utf8_lossy(content.unwrap_or_default()).into_owned();
        let (mut task, mut replies) = (None, Vec::new());
        for record in trace.records() {
            let content = content_of_data(record).and_then(|commitment| trace.committed(&commitment));
            if matches!(record.input.body, Body::ToolReturned(_)) {
                replies.push(Reply::Text(text(content)));
            } else if let Body::ToolFailed(body) = &record.input.body {
                let error = || text(body.error.and_then(|Content(index)| trace.content(record, index)));
                replies.push(match body.class {
                    FailureClass::TimeOut => Reply::TimeOut,
                    FailureClass::Tool
                    | FailureClass::Unreachable
                    | FailureClass::Refused
                    | FailureClass::Arguments => Reply::Error(error()),
                });
            } else if matches!(record.input.body, Body::PromptGiven(_)) && task.is_none() {
                task = content.map(|content| text(Some(content)));
            }
        }
        Self { task: task.unwrap_or_default(), answers: Vec::new(), replies }
    }
}

/// Whether arguments are the same: as JSON, where both are.
fn is_same(one: &str, other: &str) -> bool {
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    one == other || json(one).is_some_and(|one| Some(one) == json(other))
}

/// Worlds with one of these tasks, or with one that says nothing where there is none, in which tools say up to a few of these texts, call by call; now and then one
/// fails or does not answer in time.
pub fn worlds(tasks: &[&str], texts: &[&str]) -> impl Strategy<Value = World> + use<> {
    (task(tasks), vec(reply(texts), 0..=REPLIES_MAX)).prop_map(|(task, replies)| World {
        task,
        answers: Vec::new(),
        replies,
    })
}

/// Worlds with one of these tasks, in which each of these tools says up to a few of its texts, the same whenever it is called; now and then one fails or does not
/// answer in time.
pub fn worlds_of_tools(tasks: &[&str], tools: &[(&str, &[&str])]) -> impl Strategy<Value = World> + use<> {
    let answers: Vec<_> = tools
        .iter()
        .map(|(tool, texts)| {
            let tool = (*tool).to_owned();
            reply(texts).prop_map(move |reply| Answer { tool: tool.clone(), arguments: None, reply })
        })
        .collect();
    (task(tasks), answers).prop_map(|(task, answers)| World { task, answers, replies: Vec::new() })
}

fn task(tasks: &[&str]) -> impl Strategy<Value = String> + use<> {
    select(if tasks.is_empty() { vec![String::new()] } else { owned(tasks) })
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A result, seldom an error or none in time: what fails is made smaller towards a result.
fn reply(texts: &[&str]) -> impl Strategy<Value = Reply> + use<> {
    let text = if texts.is_empty() {
        Just(String::new()).boxed()
    } else {
        vec(select(owned(texts)), 0..=PIECES_MAX).prop_map(|pieces| pieces.join(" ")).boxed()
    };
    prop_oneof![
        FAILURES_ONE_IN - 2 => text.prop_map(Reply::Text),
        1 => Just(Reply::Error("the tool failed".to_owned())),
        1 => Just(Reply::TimeOut),
    ]
}
