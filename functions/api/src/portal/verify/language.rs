//! The languages that there are samples in.

/// A language, and its template.
pub struct Language {
    /// In addresses.
    pub id: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// What a text stands between; the backslash escapes in all of them.
    quote: char,
    /// What a public key is called where a function takes one.
    pub public_key: &'static str,
    pub template: &'static str,
}

/// In the order they are offered.
pub static LANGUAGES: [Language; 7] = [
    Language {
        id: "node",
        name: "Node.js",
        quote: '\'',
        public_key: "publicKey",
        template: include_str!("../../../assets/portal/verify/node.tmpl"),
    },
    Language {
        id: "python",
        name: "Python",
        quote: '\'',
        public_key: "public_key",
        template: include_str!("../../../assets/portal/verify/python.tmpl"),
    },
    Language {
        id: "go",
        name: "Go",
        quote: '"',
        public_key: "publicKey",
        template: include_str!("../../../assets/portal/verify/go.tmpl"),
    },
    Language {
        id: "java",
        name: "Java",
        quote: '"',
        public_key: "publicKey",
        template: include_str!("../../../assets/portal/verify/java.tmpl"),
    },
    Language {
        id: "rust",
        name: "Rust",
        quote: '"',
        public_key: "public_key",
        template: include_str!("../../../assets/portal/verify/rust.tmpl"),
    },
    Language {
        id: "ruby",
        name: "Ruby",
        quote: '\'',
        public_key: "public_key",
        template: include_str!("../../../assets/portal/verify/ruby.tmpl"),
    },
    Language {
        id: "php",
        name: "PHP",
        quote: '\'',
        public_key: "publicKey",
        template: include_str!("../../../assets/portal/verify/php.tmpl"),
    },
];

impl Language {
    /// A text as the language writes it; `None`: it holds what would have to be written otherwise.
    pub fn quoted(&self, text: &str) -> Option<String> {
        if text.chars().any(char::is_control) {
            return None;
        }
        let mut quoted = String::with_capacity(text.len() + 2);
        quoted.push(self.quote);
        for character in text.chars() {
            if character == self.quote || character == '\\' {
                quoted.push('\\');
            }
            quoted.push(character);
        }
        quoted.push(self.quote);
        Some(quoted)
    }
}
