//! Approvers (APR): a person at a terminal, and a folder through which people elsewhere answer.

mod answer;
mod queue;
mod request;
mod shown;
mod terminal;

pub use answer::{ANSWER_TEXT_BYTES_MAX, Answer, AnswerFile, FileFault};
pub use queue::{FolderQueue, QueueFault, read_at_most};
pub use request::{APPROVERS_MAX, PAGE_BYTES_MAX, Request, RequestFile, Signatory, Unread};
pub use shown::shown;
pub use terminal::{TerminalApprover, TerminalFault};
