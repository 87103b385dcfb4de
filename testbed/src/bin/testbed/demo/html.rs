//! Rendering of a page as plain text.

/// Returns the form elements of a page.
pub(super) fn fields(html: &str) -> Vec<String> {
    let wanted = ["<form", "<input", "<button"];
    let elements = html.match_indices('<').map(|(at, _)| &html[at..]);
    let elements = elements.filter(|rest| wanted.iter().any(|tag| rest.starts_with(tag)));
    elements.filter_map(|rest| Some(rest[..=rest.find('>')?].to_owned())).collect()
}

/// Returns the text of a page, without elements, styles, and scripts.
pub(super) fn readable(html: &str) -> String {
    let body = html.find("<body").map_or(html, |at| &html[at..]);
    let mut text = String::new();
    for piece in body.split('<').skip(1) {
        let Some((tag, words)) = piece.split_once('>') else { continue };
        let hidden = tag.starts_with("style") || tag.starts_with("script");
        let ends_line = ["/p", "/h", "/li", "/tr", "/div", "/dd", "br", "/dl", "/ul"]
            .iter()
            .any(|end| tag.starts_with(end));
        text.push_str(if ends_line { "\n" } else { " " });
        text.push_str(if hidden { "" } else { words });
    }
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_rendered_as_text() {
        let page = "<html><style>a{}</style><body><h1>Todd</h1><dl><dt>Channel</dt><dd>ready</dd></dl></body></html>";
        assert_eq!(readable(page), "Todd\nChannel ready");
    }

    #[test]
    fn form_fields_are_found() {
        let page = r#"<form method="post"><label>Name <input name="username"></label></form>"#;
        assert_eq!(fields(page), [r#"<form method="post">"#, r#"<input name="username">"#]);
    }
}
