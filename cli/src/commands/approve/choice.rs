//! Which request is meant.

use clap::Args;
use rederive_gate::approver::RequestFile;

use crate::args::Failed;
use crate::problem::Problem;

/// Which request is meant.
#[derive(Args)]
pub(super) struct Chosen {
    /// The approval's name, or the first characters of the request's own (the run's number comes first).
    #[arg(value_name = "REQUEST")]
    request: String,
}

impl Chosen {
    /// The one request of that name.
    pub(super) fn of<'a>(&self, requests: &'a [RequestFile]) -> Result<&'a RequestFile, Failed> {
        let is_meant = |file: &&RequestFile| {
            file.request.approval.as_str() == self.request || file.request.name().starts_with(&self.request)
        };
        let mut meant = requests.iter().filter(is_meant);
        match (meant.next(), meant.next()) {
            (Some(file), None) => Ok(file),
            (None, _) => {
                let problem = Problem::error(format!("no request `{}` waits here", self.request));
                Err(Failed::usage(problem.hint("`rederive approve list` names those that do")))
            }
            (Some(_), Some(_)) => {
                let problem = Problem::error(format!("more than one request is meant by `{}`", self.request));
                let hint = "name it by its own name, as `rederive approve list --json` prints it: runs may use the same names for approvals";
                Err(Failed::usage(problem.hint(hint)))
            }
        }
    }
}
