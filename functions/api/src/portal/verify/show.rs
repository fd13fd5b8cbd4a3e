//! The page that tells how to verify a signature.

use axum::response::Html;
use maud::{Markup, html};
use posthorn_shared::dialect::{Dialect, Encoding, SignatureRule};
use posthorn_shared::secret::SecretForm;
use serde::Deserialize;

use super::language::{LANGUAGES, Language};
use super::sample;
use super::scheme::{Scheme, Time};
use crate::portal::extract::Query;
use crate::portal::session::Visitor;
use crate::portal::shell::{self, Section};

#[derive(Deserialize)]
pub struct SampleQuery {
    #[serde(default, rename = "in")]
    language: String,
    #[serde(default)]
    key: String,
}

/// Which sample is shown.
struct Choice {
    language: &'static Language,
    /// Whether for a public key; `None`: secrets of this dialect have none.
    public: Option<bool>,
}

impl Choice {
    fn is_public(&self) -> bool {
        self.public == Some(true)
    }

    /// The page with another choice.
    fn link(&self, visitor: &Visitor, language: &Language, public: bool) -> String {
        let key = match (self.public, public) {
            (Some(_), true) => "&key=public",
            _ => "",
        };
        format!("{}?in={}{key}#code", visitor.path("/verify"), language.id)
    }
}

pub async fn show(visitor: Visitor, Query(query): Query<SampleQuery>) -> Html<String> {
    let wanted = LANGUAGES.iter().find(|language| language.id == query.language);
    let language = wanted.unwrap_or(&LANGUAGES[0]);
    let dialect = visitor.dialect();
    let with_public_key = Scheme::with_public_key(dialect);
    let public = with_public_key.is_some().then_some(query.key == "public");
    let choice = Choice { language, public };
    let scheme = with_public_key.filter(|_| choice.is_public()).or_else(|| Scheme::of(dialect));
    let words = visitor.words();
    let content = html! {
        div.head {
            div {
                h1 { "Verify a signature" }
                p.soft {
                    "Whoever knows your URL can send requests there. The signature tells which ones are genuine: "
                    "check it before you believe anything that a request says."
                }
            }
        }
        div.columns.two {
            section.card aria-labelledby="steps" {
                h2 #steps { "What to do" }
                (steps(dialect, &choice, scheme.as_ref()))
            }
            section.card aria-labelledby="scheme" {
                h2 #scheme { "What is signed, and how" }
                @for rule in dialect.signatures() { (facts(dialect, rule)) }
            }
        }
        section.card aria-labelledby="code" {
            h2 #code { "Code" }
            (code(&visitor, &choice, scheme.as_ref()))
        }
        section.card aria-labelledby="doubt" {
            h2 #doubt { "When it does not fit" }
            ul.plain-list {
                li {
                    "Is it the " @if choice.is_public() { "public key" } @else { "secret" }
                    " of this " (words.endpoint) "? Each has its own; it is on its page."
                }
                li { "Is the body what came, byte for byte? A body that was parsed and written again is another one." }
                li {
                    "Is it the whole " @if choice.is_public() { "key" } @else { "secret" }
                    ", without a line break or a space at its end?"
                }
                @if scheme.as_ref().is_some_and(|scheme| scheme.time.is_some()) {
                    li { "Is your clock right? More than five minutes off, and every request looks old." }
                }
            }
        }
    };
    shell::page(&visitor, Section::Verify, "Verify a signature", &content)
}

fn steps(dialect: &Dialect, choice: &Choice, scheme: Option<&Scheme>) -> Markup {
    html! {
        ol.plain-list {
            li { "Take the body as the bytes that came, before anything parses them." }
            @if let Some(Scheme { token_header: Some(header), .. }) = scheme {
                li { "Compare the header " code { (header) } " with the token that you were shown when you added the URL." }
            }
            @match scheme.and_then(|scheme| scheme.time.as_ref()) {
                Some(Time::Header(header)) => {
                    li { "Refuse what was signed more than five minutes ago: " code { (header) } " holds the seconds since 1970." }
                }
                Some(Time::Prefix(prefix)) => {
                    li { "Refuse what was signed more than five minutes ago: the seconds since 1970 stand after " code { (prefix) } "." }
                }
                None => {}
            }
            @if choice.is_public() {
                li { "Verify the header’s Ed25519 signature of what is signed, with your public key." }
            } @else {
                li { "Make the HMAC-SHA256 of what is signed, with your secret as the key." }
                li { "Compare it with the header’s in constant time: in a way that takes as long for a nearly right signature as for a wrong one." }
            }
            @if dialect.signatures().iter().any(|rule| rule.separator.is_some()) {
                li { "The header can hold several signatures while a secret is replaced. One that fits is enough." }
            }
            li { "Answer 401 to what does not fit. Deliveries can come twice: act on each event’s id once." }
        }
    }
}

fn facts(dialect: &Dialect, rule: &SignatureRule) -> Markup {
    let encoding = match rule.encoding {
        Encoding::Hex => "hexadecimal, lower case",
        Encoding::Base64 => "Base64",
    };
    html! {
        dl.pairs {
            div { dt { "header" } dd { (rule.header) } }
            div { dt { "signed" } dd { (rule.content) } }
            div { dt { "algorithm" } dd { "HMAC-SHA256" @if rule.each_ed25519.is_some() { ", or Ed25519 where the secret begins with whsk_" } } }
            div { dt { "written in" } dd { (encoding) } }
            div { dt { "each signature" } dd { (rule.each) @if let Some(other) = &rule.each_ed25519 { ", or " (other) } } }
            @if let Some(separator) = &rule.separator {
                div { dt { "between several" } dd { @if separator == " " { "a space" } @else { (separator) } } }
            }
            div { dt { "the header’s value" } dd { (rule.value) } }
            div { dt { "secret" } dd {
                @match dialect.secret {
                    SecretForm::Standard => "whsec_ and the key in Base64",
                    SecretForm::Text => "its characters are the key",
                }
                @if rule.each_ed25519.is_some() { ", or whsk_ and an Ed25519 key in Base64" }
            } }
            @for (name, value) in dialect.identifying_headers() { div { dt { (name) } dd { (value) } } }
        }
        p.soft.small {
            code { "${id}" } " is the event’s id, " code { "${unix}" } " the seconds since 1970 at which it was sent, "
            code { "${body}" } " the body."
        }
    }
}

fn code(visitor: &Visitor, choice: &Choice, scheme: Option<&Scheme>) -> Markup {
    let language = choice.language;
    let sample = scheme.and_then(|scheme| sample::of(language, scheme));
    let Some(sample) = sample else {
        return html! {
            p { "There is no ready-made code for this way of signing. What is above says all that is needed." }
        };
    };
    html! {
        @if choice.public.is_some() {
            nav.tabs aria-label="Kind of key" {
                ul {
                    @for (public, name, prefix) in [(false, "Secret", "whsec_"), (true, "Public key", "whpk_")] {
                        li {
                            a href=(choice.link(visitor, language, public)) aria-current=[(public == choice.is_public()).then_some("true")] {
                                (name) " " code { (prefix) "…" }
                            }
                        }
                    }
                }
            }
        }
        nav.tabs aria-label="Language" {
            ul {
                @for one in &LANGUAGES {
                    li {
                        a href=(choice.link(visitor, one, choice.is_public())) aria-current=[(one.id == language.id).then_some("true")] { (one.name) }
                    }
                }
            }
        }
        div.card-head {
            p.soft.small { "Needs nothing but the " (language.name) " that you have, unless it says so." }
            button.compact type="button" data-copies="sample" data-needs-script hidden { "Copy" }
        }
        pre.code-block.whole #sample tabindex="0" role="group" aria-label={ "Code in " (language.name) } data-language=(language.id) { (sample) }
        @if choice.public.is_some() {
            p.soft.small {
                "A secret that begins with " code { "whsk_" } " makes signatures that begin with " code { "v1a," }
                ": they are verified with the public key that is shown beside it."
            }
        } @else if visitor.dialect().signatures().iter().any(|rule| rule.each_ed25519.is_some()) {
            p.soft.small {
                "It is for secrets that are no Ed25519 keys. Where yours is one, verify with the public key that is shown beside it."
            }
        }
    }
}
