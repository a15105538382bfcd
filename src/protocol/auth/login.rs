//! LOGIN, which was never standardised: the server prompts for a user name, and then for a password.

use memchr::memmem::find;

/// Answers what the prompt asks for, or if that isn't clear, with the user name first. The user name is
/// sent at most twice, the password at most once and last.
#[derive(Default)]
pub(super) struct Login {
    users: u8,
    is_done: bool,
}

impl Login {
    /// None if the exchange has to end.
    pub(super) fn respond<'a>(&mut self, prompt: &[u8], user: &'a str, password: &'a str) -> Option<&'a str> {
        let wants_password = match Prompt::read(prompt) {
            Prompt::User => false,
            Prompt::Password => true,
            Prompt::Unclear => self.users > 0,
        };
        if self.is_done {
            return None;
        }
        if wants_password {
            self.is_done = true;
            return Some(password);
        }
        self.users += 1;
        self.is_done = self.users > 2;
        (!self.is_done).then_some(user)
    }
}

/// What a server asks for in LOGIN.
enum Prompt {
    User,
    Password,
    Unclear,
}

impl Prompt {
    /// "Username:" and "Password:" in most servers, "User Name" and others in old ones.
    fn read(prompt: &[u8]) -> Self {
        let prompt = prompt.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| find(&prompt, word.as_bytes()).is_some());
        match (says(&["user", "name", "login", "account"]), says(&["pass"])) {
            (true, false) => Self::User,
            (false, true) => Self::Password,
            _ => Self::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_what_the_prompt_asks_for() {
        let said = |prompts: &[&str]| -> Vec<&str> {
            let mut login = Login::default();
            prompts.iter().map(|prompt| login.respond(prompt.as_bytes(), "u", "p").unwrap_or("*")).collect()
        };
        assert_eq!(said(&["Username:", "Password:", "Again:"]), ["u", "p", "*"]);
        assert_eq!(said(&["User Name\0", "Password\0"]), ["u", "p"]);
        assert_eq!(said(&["", ""]), ["u", "p"]);
        assert_eq!(said(&["Benutzer:", "Kennwort:"]), ["u", "p"]);
        // The first answer was sent with the command.
        assert_eq!(said(&["", "Username:", "Password:"]), ["u", "u", "p"]);
        assert_eq!(said(&["", "Password:"]), ["u", "p"]);
        assert_eq!(said(&["Password:", "Username:"]), ["p", "*"]);
        assert_eq!(said(&["Username:", "Username:", "Username:", "Password:"]), ["u", "u", "*", "*"]);
    }
}
