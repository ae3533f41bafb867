//! The one note on a GitLab merge request, found again by its marker and its author.

use std::cell::OnceCell;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;

use super::one_comment::{self, Board, Comment};
use super::{Key, Order, Posted, PublishError};
use crate::web::{Answer, Question, Repeat, Web, host_of, service_address};

const ANSWER_CAP: usize = 5 * 1024 * 1024;
/// How many pages of notes are walked.
const PAGES: u32 = 30;

/// Where the note goes, and as whom.
#[expect(missing_debug_implementations, reason = "it holds a token")]
pub struct Access<'a> {
    /// `https://gitlab.com/api/v4`.
    pub api_url: &'a str,
    pub project: &'a str,
    pub merge_request: u64,
    /// A job's own token may not write notes: this is a project's access token.
    pub token: &'a str,
}

#[derive(Deserialize)]
struct Note {
    id: u64,
    body: String,
    author: Author,
}

#[derive(Deserialize)]
struct Author {
    id: u64,
}

/// Brings the one note up to date.
///
/// # Errors
/// [`PublishError`].
pub fn post(access: &Access<'_>, key: &Key, order: Order, text: &str) -> Result<Posted, PublishError> {
    one_comment::post(&Gitlab::new(access)?, key, order, text)
}

struct Gitlab<'a> {
    web: Web,
    api: Url,
    notes: String,
    token: &'a str,
    /// Whose token it is, once that is known.
    account: OnceCell<u64>,
}

impl<'a> Gitlab<'a> {
    fn new(access: &Access<'a>) -> Result<Self, PublishError> {
        let project = percent_encoding::utf8_percent_encode(access.project, percent_encoding::NON_ALPHANUMERIC);
        let notes = format!("/projects/{project}/merge_requests/{}/notes", access.merge_request);
        Ok(Self {
            web: Web::new()?,
            api: service_address("CI_API_V4_URL", access.api_url)?,
            notes,
            token: access.token,
            account: OnceCell::new(),
        })
    }

    fn account(&self) -> Result<u64, PublishError> {
        if let Some(&known) = self.account.get() {
            return Ok(known);
        }
        let account: Author = self.read("learn who this token is", "/user")?.1;
        Ok(*self.account.get_or_init(|| account.id))
    }

    fn notes(&self) -> Result<Vec<Note>, PublishError> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let path = format!("{}?per_page=100&sort=asc&order_by=created_at&page={page}", self.notes);
            let (answer, notes) = self.read::<Vec<Note>>("list the notes", &path)?;
            all.extend(notes);
            if answer.header("x-next-page").unwrap_or_default().is_empty() {
                return Ok(all);
            }
        }
        Err(PublishError::Unexpected { what: "list the notes", problem: format!("more than {PAGES} pages") })
    }

    fn read<T: DeserializeOwned>(&self, what: &'static str, path: &str) -> Result<(Answer, T), PublishError> {
        let answer = self.call(what, Repeat::Safe, "GET", path, None)?;
        let parsed = parse(what, &answer)?;
        Ok((answer, parsed))
    }

    fn write(&self, what: &'static str, method: &'static str, path: &str, body: &str) -> Result<Answer, PublishError> {
        let json = json!({ "body": body }).to_string().into_bytes();
        let repeat = if method == "PUT" { Repeat::Safe } else { Repeat::Unsafe };
        self.call(what, repeat, method, &format!("{}{path}", self.notes), Some(&json))
    }

    fn call(
        &self,
        what: &'static str,
        repeat: Repeat,
        method: &'static str,
        path: &str,
        json: Option<&[u8]>,
    ) -> Result<Answer, PublishError> {
        let unexpected = |_| PublishError::Unexpected { what, problem: "its address cannot be made".to_owned() };
        let url = Url::parse(&format!("{}{path}", self.api.as_str().trim_end_matches('/'))).map_err(unexpected)?;
        let host = host_of(&url);
        let answer = self.web.persist(repeat, &host, || {
            let headers = [("private-token", self.token)];
            self.web.ask(&Question { method, url: &url, headers: &headers, json: json.map(<[u8]>::to_vec), cap: ANSWER_CAP })
        })?;
        match answer.status {
            200..=299 => Ok(answer),
            status => Err(PublishError::Refused { what, host, status }),
        }
    }
}

impl Board for Gitlab<'_> {
    fn own(&self, key: &Key) -> Result<Vec<Comment>, PublishError> {
        let mut marked = self.notes()?;
        marked.retain(|note| key.marks(&note.body));
        if marked.is_empty() {
            return Ok(Vec::new());
        }
        let account = self.account()?;
        Ok(marked.into_iter().filter(|note| note.author.id == account).map(standing).collect())
    }

    fn create(&self, body: &str) -> Result<Comment, PublishError> {
        let created: Note = parse("comment", &self.write("comment", "POST", "", body)?)?;
        self.account.get_or_init(|| created.author.id);
        Ok(standing(created))
    }

    fn update(&self, id: u64, body: &str) -> Result<(), PublishError> {
        self.write("update the note", "PUT", &format!("/{id}"), body).map(drop)
    }

    fn delete(&self, id: u64) -> Result<(), PublishError> {
        match self.call("remove a second note", Repeat::Safe, "DELETE", &format!("{}/{id}", self.notes), None) {
            Ok(_) | Err(PublishError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn wait(&self, time: Duration) {
        self.web.wait(time);
    }
}

fn standing(note: Note) -> Comment {
    Comment { id: note.id, body: note.body, address: None }
}

fn parse<T: DeserializeOwned>(what: &'static str, answer: &Answer) -> Result<T, PublishError> {
    serde_json::from_slice(&answer.body).map_err(|error| PublishError::Unexpected { what, problem: error.to_string() })
}
