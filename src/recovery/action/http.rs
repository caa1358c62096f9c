//! Sends a request. Redirects are not followed: whoever answers with one is not the one asked.

mod witness;

use std::io::Read;
use std::time::Duration;

use jiff::fmt::rfc2822;
use ureq::http::{HeaderMap, Request, Response};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, DefaultConnector};
use ureq::{Agent, AsSendBody, Body, Error};

use crate::inspect::TOOL;
use crate::recovery::action::secret::{self, MOST_ANSWER};
use crate::recovery::action::{Attempt, Order, duration};
use crate::recovery::document::RequestV1;
use witness::Witness;

/// Sends the request of an action.
pub(super) fn send(order: Order<'_>) -> Attempt {
    let RequestV1::Http {
        method,
        url,
        headers,
        body,
    } = order.request
    else {
        return Attempt::Failed("it is no HTTP request".to_owned());
    };
    let mut request = Request::builder()
        .method(method.as_str())
        .uri(url)
        .header("Idempotency-Key", &order.planned.key);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut names = headers.keys();
    if body.is_some() && !names.any(|name| name.eq_ignore_ascii_case("content-type")) {
        request = request.header("Content-Type", "application/json");
    }
    // A DELETE without a body has none; of the others a service may expect an empty one.
    let sent = match body {
        None if method == "DELETE" => request.body(()).map(|request| run(order, request)),
        body => {
            let bytes = body.as_ref().map(|body| body.to_string().into_bytes());
            let request = request.body(bytes.unwrap_or_default());
            request.map(|request| run(order, request))
        }
    };
    sent.unwrap_or_else(|error| Attempt::Failed(format!("not a request: {error}")))
}

fn run(order: Order<'_>, request: Request<impl AsSendBody>) -> Attempt {
    let config = Agent::config_builder()
        .timeout_global(Some(duration(order.action.timeout)))
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(TOOL)
        .build();
    let witness = Witness::new(request.uri().clone());
    let connector = DefaultConnector::new().chain(witness.clone());
    let agent = Agent::with_parts(config, connector, DefaultResolver::default());
    match agent.run(request) {
        Ok(response) => answered(response, order),
        Err(error) => unanswered(&error, &witness),
    }
}

/// A server error may come after the effect; where sending again is harmless that does not matter.
fn answered(mut response: Response<Body>, order: Order<'_>) -> Attempt {
    let idempotent = order.action.idempotent;
    let status = response.status();
    let pause = retry_after(response.headers());
    // What cannot be read of an answer does not change what it said.
    let mut bytes = Vec::new();
    let read = response
        .body_mut()
        .as_reader()
        .take(MOST_ANSWER)
        .read_to_end(&mut bytes);
    let text = read.map_or_else(|_| String::new(), |_| secret::text(&bytes, order.secrets));
    let answer = match text.trim() {
        "" => status.to_string(),
        text => format!("{status}: {text}"),
    };
    match status.as_u16() {
        200..=299 => Attempt::Done(answer),
        408 | 425 | 429 => Attempt::Again { why: answer, pause },
        500..=599 if idempotent => Attempt::Again { why: answer, pause },
        500..=599 => Attempt::Unknown(answer),
        _ => Attempt::Failed(answer),
    }
}

/// The pause that `Retry-After` asks for, in seconds or as a date. A date is held against the
/// service's own clock, which `Date` tells; without that the usual pause is taken.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let header = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let value = header("retry-after")?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text| rfc2822::parse(text).ok().map(|date| date.timestamp());
    let wanted = date(value)?.duration_since(date(header("date")?)?);
    Some(Duration::try_from(wanted).unwrap_or(Duration::ZERO))
}

/// Where nothing was sent nothing happened: whatever kept it from being sent may be over soon, unless
/// it is the request itself.
fn unanswered(error: &Error, witness: &Witness) -> Attempt {
    let why = error.to_string();
    match error {
        _ if witness.has_sent() => Attempt::Unknown(why),
        Error::BadUri(_)
        | Error::Http(_)
        | Error::Protocol(_)
        | Error::InvalidProxyUrl
        | Error::Tls(_) => Attempt::Failed(why),
        _ => Attempt::Again { why, pause: None },
    }
}

#[cfg(test)]
mod tests {
    use ureq::http::HeaderValue;

    use super::*;

    /// What `Retry-After` says, what `Date` says, and the seconds to wait.
    #[test]
    fn a_pause_is_told_in_seconds_or_as_a_date() {
        let noon = "Sun, 06 Nov 1994 12:00:00 GMT";
        for (retry_after, date, seconds) in [
            ("120", None, Some(120)),
            ("Sun, 06 Nov 1994 12:05:00 GMT", Some(noon), Some(300)),
            ("Sun, 06 Nov 1994 11:59:00 GMT", Some(noon), Some(0)),
            ("Sun, 06 Nov 1994 12:05:00 GMT", None, None),
            ("soon", Some(noon), None),
            ("-1", Some(noon), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", HeaderValue::from_static(retry_after));
            if let Some(date) = date {
                headers.insert("date", HeaderValue::from_static(date));
            }
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(super::retry_after(&headers), expected, "{retry_after}");
        }
    }
}
