//! What goes for every request: time-outs, HTTP version, cookies, connections, certificates.

use std::time::Duration;

use super::Checked;
use super::context::Context;
use super::headers::{Header, compile_headers};
use super::local_file::{LocalFiles, Reach};
use super::quantity::timeout;
use super::values::Values;
use crate::document::{Document, Mistake, Placed, Scalar, Written, suggestion};
use crate::scenario::file::{Entries, HttpFile, SharedFile, Text, TlsFile};
use crate::scenario::{Connections, CookiePolicy, HttpOptions, HttpVersion, TlsOptions};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MOST_REDIRECTS: u32 = 20;
/// The largest certificate file: 1 MiB.
const PEM_CAP: u64 = 1024 * 1024;

/// Compiles `http`; its headers also as the steps take them over.
pub fn compile_http(context: &Context<'_>, written: &HttpFile) -> Checked<(HttpOptions, Vec<Header>)> {
    let HttpFile { timeout: whole, connect_timeout, version, headers, cookies, redirects } = written;
    let document = context.document;
    let defaults = headers.0.iter().map(|entry| default_header(context, entry)).collect::<Checked<Vec<_>>>()?;
    // Once more together, for names that stand there twice.
    let headers = compile_headers(&mut Values::new(context), headers)?;
    let options = HttpOptions {
        timeout: whole.as_ref().map_or(Ok(DEFAULT_TIMEOUT), |whole| timeout(document, "timeout", whole))?,
        connect_timeout: connect_timeout
            .as_ref()
            .map_or(Ok(DEFAULT_CONNECT_TIMEOUT), |connect| timeout(document, "connect_timeout", connect))?,
        version: match version.as_ref().map(|version| (version.value.0.as_str(), version.place)) {
            None | Some(("auto", _)) => HttpVersion::Auto,
            Some(("1.1", _)) => HttpVersion::Http1,
            Some(("2", _)) => HttpVersion::Http2,
            Some((other, place)) => {
                let hint = suggestion(other, &["auto", "1.1", "2"]);
                return Err(context.mistake_with_hint(place, format!("HTTP version `{other}` is not supported"), hint));
            }
        },
        headers,
        cookies: if cookies.unwrap_or(true) { CookiePolicy::Keep } else { CookiePolicy::Ignore },
        redirects: match redirects {
            Some(Placed { value, place }) if *value > MOST_REDIRECTS => {
                return Err(context.mistake(*place, format!("`redirects: {value}` is above {MOST_REDIRECTS}")));
            }
            redirects => redirects.as_ref().map_or(0, |redirects| redirects.value),
        },
    };
    Ok((options, defaults))
}

fn default_header(context: &Context<'_>, entry: &(Placed<String>, Placed<Text>)) -> Checked<Header> {
    let mut values = Values::new(context);
    let one = Entries(vec![entry.clone()]);
    let (name, value) = compile_headers(&mut values, &one)?.swap_remove(0);
    Ok(Header { name, value, reads: values.reads })
}

/// Reads `connections`.
pub fn read_connections(document: &Document, written: Option<&Placed<Written<SharedFile>>>) -> Checked<Connections> {
    let Some(Placed { value, place }) = written else { return Ok(Connections::PerUser) };
    match value {
        Written::Scalar(Scalar::Text(text)) if text == "per_user" => Ok(Connections::PerUser),
        Written::Scalar(Scalar::Text(text)) if text == "per_request" => Ok(Connections::PerRequest),
        Written::Map(SharedFile { shared }) if shared.value > 0 => Ok(Connections::Shared(shared.value)),
        Written::Map(SharedFile { shared }) => Err(document.mistake(shared.place, "`shared` must be above 0").into()),
        Written::Scalar(_) | Written::List(_) => {
            let hint = "write `per_user`, `per_request` or `{shared: 50}`";
            Err(document.mistake(*place, "this says nothing about connections").with_hint(hint).into())
        }
    }
}

/// Reads the PEM files. They may lie anywhere: they are used, but never sent.
pub fn read_tls(files: LocalFiles<'_>, written: &TlsFile) -> Checked<TlsOptions> {
    let TlsFile { ca, cert, key } = written;
    if let (Some(alone), None) | (None, Some(alone)) = (cert, key) {
        let mistake = files.document.mistake(alone.place, "`cert` and `key` go together");
        return Err(mistake.with_hint("give both: the certificate that this client shows, and its key").into());
    }
    let read = |file: &Option<Placed<String>>| file.as_ref().map(|file| read_pem(files, file)).transpose();
    Ok(TlsOptions { ca: read(ca)?, cert: read(cert)?, key: read(key)? })
}

fn read_pem(files: LocalFiles<'_>, file: &Placed<String>) -> Checked<Vec<u8>> {
    let content = files.read(file, Reach::Anywhere, PEM_CAP)?;
    if content.windows(11).any(|window| window == b"-----BEGIN ") {
        return Ok(content);
    }
    Err(Box::<Mistake>::from(files.document.mistake(file.place, format!("the file `{}` is not in PEM form", file.value))))
}
