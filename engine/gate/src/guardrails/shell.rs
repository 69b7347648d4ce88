//! Shell text as its words: quotes undone, operators apart. Not a shell: nothing is expanded, and what only running it would tell stays open.

/// A command of a pipeline: its words as the shell would see them, and where its output goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) words: Vec<Word>,
    pub(super) redirects: Vec<Word>,
}

/// A word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// Its text without quotes and backslashes.
    pub(super) text: String,
    /// Whether a variable or the output of a command stands in it, so that its text is not known.
    pub(super) is_open: bool,
    /// Whether quotes or backslashes stand inside, where none are needed.
    pub(super) is_split: bool,
}

/// Commands joined by pipes.
pub(super) type Pipeline = Vec<Command>;

/// Most nested substitutions that are followed; what is deeper counts as hidden.
const DEPTH_MAX: usize = 8;

/// A script as pipelines, those inside substitutions and groups too.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) pipelines: Vec<Pipeline>,
    /// Something was nested deeper than is followed.
    pub(super) is_too_deep: bool,
}

impl Script {
    /// Reads a text. Every text is a script; what no shell would take is read as far as it makes sense.
    pub(super) fn read(text: &str) -> Self {
        let mut script = Self::default();
        script.add(text, 0);
        script
    }

    fn add(&mut self, text: &str, depth: usize) {
        if depth > DEPTH_MAX {
            self.is_too_deep = true;
            return;
        }
        let mut reader = Reader { rest: text.chars().peekable(), inner: Vec::new() };
        let mut pipeline = Pipeline::new();
        let mut command = Command::default();
        loop {
            match reader.next() {
                Token::Word(word) => command.words.push(word),
                Token::Redirect(word) => command.redirects.push(word),
                Token::Pipe => pipeline.push(std::mem::take(&mut command)),
                Token::End | Token::Separator if command == Command::default() && pipeline.is_empty() => {
                    if reader.rest.peek().is_none() {
                        break;
                    }
                }
                Token::End | Token::Separator => {
                    pipeline.push(std::mem::take(&mut command));
                    self.pipelines.push(std::mem::take(&mut pipeline));
                    if reader.rest.peek().is_none() {
                        break;
                    }
                }
            }
        }
        for inner in reader.inner {
            self.add(&inner, depth + 1);
        }
    }
}

enum Token {
    Word(Word),
    Redirect(Word),
    Pipe,
    /// `;`, `&`, `&&`, `||`, a line's end, a parenthesis or brace.
    Separator,
    End,
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    /// Texts of substitutions, which are scripts of their own.
    inner: Vec<String>,
}

impl Reader<'_> {
    fn next(&mut self) -> Token {
        while self.rest.next_if(|c| matches!(c, ' ' | '\t' | '\r')).is_some() {}
        let Some(first) = self.rest.peek().copied() else { return Token::End };
        match first {
            '#' => {
                while self.rest.next_if(|c| *c != '\n').is_some() {}
                Token::Separator
            }
            '|' => {
                self.rest.next();
                if self.rest.next_if_eq(&'|').is_some() {
                    return Token::Separator;
                }
                self.rest.next_if_eq(&'&');
                Token::Pipe
            }
            ';' | '\n' | '(' | ')' | '{' | '}' => {
                self.rest.next();
                Token::Separator
            }
            '&' => {
                self.rest.next();
                if self.rest.next_if_eq(&'>').is_some() { self.redirect() } else { Token::Separator }
            }
            '>' => {
                self.rest.next();
                self.redirect()
            }
            '<' => {
                self.rest.next();
                if self.rest.next_if_eq(&'(').is_some() {
                    let text = self.until_closed();
                    self.inner.push(text);
                    return Token::Word(Word { text: String::new(), is_open: true, is_split: false });
                }
                while self.rest.next_if_eq(&'<').is_some() {}
                Token::Word(self.word())
            }
            _ => {
                let word = self.word();
                // `2>` and the like: the number names a stream.
                if word.text.bytes().all(|byte| byte.is_ascii_digit()) && self.rest.next_if_eq(&'>').is_some()
                {
                    return self.redirect();
                }
                Token::Word(word)
            }
        }
    }

    fn redirect(&mut self) -> Token {
        while self.rest.next_if(|c| matches!(c, '>' | '|' | '&' | ' ' | '\t')).is_some() {}
        if self.rest.next_if_eq(&'(').is_some() {
            let text = self.until_closed();
            self.inner.push(text);
            return Token::Separator;
        }
        Token::Redirect(self.word())
    }

    fn word(&mut self) -> Word {
        let mut word = Word::default();
        let (mut quotes, mut bare) = (0_usize, 0_usize);
        while let Some(c) = self.rest.peek().copied() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '|' | '&' | '(' | ')' | '<' | '>' => break,
                '}' if word.text.is_empty() => break,
                '\'' => {
                    self.rest.next();
                    quotes += 1;
                    while let Some(c) = self.rest.next().filter(|c| *c != '\'') {
                        word.text.push(c);
                    }
                }
                '"' => {
                    self.rest.next();
                    quotes += 1;
                    self.double_quoted(&mut word);
                }
                '\\' => {
                    self.rest.next();
                    match self.rest.next() {
                        Some('\n') | None => {}
                        Some(c) => {
                            quotes += usize::from(c.is_ascii_alphanumeric());
                            word.text.push(c);
                        }
                    }
                }
                '$' | '`' => self.substitution(&mut word),
                _ => {
                    self.rest.next();
                    word.text.push(c);
                    bare += 1;
                }
            }
        }
        let is_plain = !word.text.is_empty()
            && word.text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.'));
        // Quotes around a word are a habit; inside one that needs none they are a disguise.
        word.is_split = is_plain && (quotes > 1 || (quotes == 1 && bare > 0));
        word
    }

    fn double_quoted(&mut self, word: &mut Word) {
        while let Some(c) = self.rest.peek().copied() {
            match c {
                '"' => {
                    self.rest.next();
                    return;
                }
                '\\' => {
                    self.rest.next();
                    word.text.extend(self.rest.next());
                }
                '$' | '`' => self.substitution(word),
                _ => {
                    self.rest.next();
                    word.text.push(c);
                }
            }
        }
    }

    /// `$name`, `${..}`, `$(..)`, `$((..))`, `` `..` `` and `$'..'`.
    fn substitution(&mut self, word: &mut Word) {
        if self.rest.next() == Some('`') {
            let mut text = String::new();
            while let Some(c) = self.rest.next().filter(|c| *c != '`') {
                text.push(c);
            }
            self.inner.push(text);
            word.is_open = true;
            return;
        }
        match self.rest.peek().copied() {
            Some('(') => {
                self.rest.next();
                let text = self.until_closed();
                self.inner.push(text);
                word.is_open = true;
            }
            Some('{') => {
                self.rest.next();
                let mut name = String::new();
                while let Some(c) = self.rest.next().filter(|c| *c != '}') {
                    name.push(c);
                }
                word.text.push_str("${");
                word.text.push_str(&name);
                word.text.push('}');
                word.is_open = true;
            }
            Some('\'') => {
                self.rest.next();
                let mut escaped = String::new();
                while let Some(c) = self.rest.next().filter(|c| *c != '\'') {
                    escaped.push(c);
                    if c == '\\' {
                        escaped.extend(self.rest.next());
                    }
                }
                word.text.push_str(&escaped);
                word.is_open |= escaped.contains('\\');
            }
            Some(c) if c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '*' | '#' | '?' | '!') => {
                word.text.push('$');
                while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    word.text.push(c);
                }
                self.rest.next_if(|c| matches!(c, '@' | '*' | '#' | '?' | '!'));
                word.is_open = true;
            }
            Some(_) | None => word.text.push('$'),
        }
    }

    /// The text up to the parenthesis that closes the one already read.
    fn until_closed(&mut self) -> String {
        let mut text = String::new();
        let mut open = 1_usize;
        for c in self.rest.by_ref() {
            match c {
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
            if open == 0 {
                break;
            }
            text.push(c);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<Vec<String>>> {
        let all = Script::read(text).pipelines;
        let command = |command: Command| command.words.into_iter().map(|word| word.text).collect();
        all.into_iter().map(|pipeline| pipeline.into_iter().map(command).collect()).collect()
    }

    #[test]
    fn quotes_are_undone_and_operators_stand_apart() {
        assert_eq!(words("r''m -rf \"/tmp/a b\""), [[["rm", "-rf", "/tmp/a b"]]]);
        assert_eq!(
            words("a|b && c; d # no\n e"),
            vec![vec![vec!["a"], vec!["b"]], vec![vec!["c"]], vec![vec!["d"]], vec![vec!["e"]]]
        );
        assert_eq!(words("echo $(curl x | sh) `id`").len(), 3);
        let script = Script::read("echo x 2>/dev/null >> ~/.bashrc");
        assert_eq!(
            script.pipelines[0][0].redirects.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(),
            ["/dev/null", "~/.bashrc"]
        );
        assert!(Script::read(&"$(".repeat(40)).is_too_deep);
        assert!(Script::read("a$IFS").pipelines[0][0].words[0].is_open);
    }
}
