//! A Python file as statements and expressions, as far as a Locust file needs them. The one door to the parser of Python;
//! what the statements mean to Locust is not known here.

use tree_sitter::{Node, Parser};

use super::formatting::{filled_in, formatted};

/// Deeper nesting is not looked into.
const MAX_DEPTH: usize = 60;

/// A statement with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// From 1.
    pub first_line: usize,
    pub last_line: usize,
    /// The first line as written.
    pub source: String,
    pub kind: StatementKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum StatementKind {
    Expression(Expression),
    Assign {
        target: Expression,
        value: Expression,
    },
    With {
        items: Vec<(Expression, Option<String>)>,
        body: Vec<Statement>,
    },
    For {
        variable: String,
        over: Expression,
        body: Vec<Statement>,
    },
    Class {
        name: String,
        bases: Vec<Expression>,
        decorators: Vec<Expression>,
        body: Vec<Statement>,
    },
    Function {
        name: String,
        first_parameter: Option<String>,
        decorators: Vec<Expression>,
        body: Vec<Statement>,
    },
    /// `left == right`
    AssertEqual(Expression, Expression),
    /// Without `elif`.
    If {
        condition: Condition,
        body: Vec<Statement>,
        otherwise: Vec<Statement>,
    },
    Return(Option<Expression>),
    /// Imports, `pass`, comments.
    Nothing,
    Other,
}

/// What a branch depends on.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    Equal(Expression, Expression),
    NotEqual(Expression, Expression),
    Truthy(Expression),
    Not(Expression),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    Text(Vec<TextPiece>),
    Number(f64),
    Flag(bool),
    None,
    /// Dotted: `self.client.get`.
    Name(String),
    /// Also a tuple.
    List(Vec<Expression>),
    Dictionary(Vec<(Expression, Expression)>),
    Call {
        function: Box<Expression>,
        arguments: Vec<Expression>,
        keywords: Vec<(String, Expression)>,
    },
    /// `value[index]`
    Index(Box<Expression>, Box<Expression>),
    /// An attribute of what is no name: `f().x`.
    Attribute(Box<Expression>, String),
    Other,
}

/// A stretch of a string; an f-string has values in between.
#[derive(Debug, Clone, PartialEq)]
pub enum TextPiece {
    Plain(String),
    Value(Expression),
}

/// What a file holds, and whether the parser understood all of it.
#[derive(Debug)]
pub struct Module {
    pub statements: Vec<Statement>,
    /// The first line that is no Python.
    pub broken_line: Option<usize>,
}

/// Reads a file; `None` where the parser gives up.
#[must_use]
pub fn parse(text: &str) -> Option<Module> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_python::LANGUAGE.into()).ok()?;
    let tree = parser.parse(text, None)?;
    let root = tree.root_node();
    let reader = Reader { text };
    Some(Module { statements: reader.block(root, 0), broken_line: first_error(root).map(|row| row + 1) })
}

/// The row of the first error, found without recursion.
fn first_error(root: Node<'_>) -> Option<usize> {
    if !root.has_error() {
        return None;
    }
    let mut cursor = root.walk();
    let mut rows = Vec::new();
    loop {
        let node = cursor.node();
        if node.is_error() || node.is_missing() {
            rows.push(node.start_position().row);
        }
        if node.has_error() && !node.is_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return rows.into_iter().min();
            }
        }
    }
}

struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn text_of(&self, node: Node<'_>) -> &str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn field_text(&self, node: Node<'_>, field: &str) -> String {
        node.child_by_field_name(field).map(|node| self.text_of(node).to_owned()).unwrap_or_default()
    }

    fn block(&self, node: Node<'_>, depth: usize) -> Vec<Statement> {
        if depth > MAX_DEPTH {
            return Vec::new();
        }
        children(node).into_iter().map(|child| self.statement(child, depth)).collect()
    }

    fn body(&self, node: Node<'_>, depth: usize) -> Vec<Statement> {
        node.child_by_field_name("body").map(|body| self.block(body, depth + 1)).unwrap_or_default()
    }

    fn statement(&self, node: Node<'_>, depth: usize) -> Statement {
        let source = self.text_of(node).lines().next().unwrap_or_default().trim().to_owned();
        let (first_line, last_line) = (node.start_position().row + 1, node.end_position().row + 1);
        Statement { first_line, last_line, source, kind: self.statement_kind(node, depth) }
    }

    fn statement_kind(&self, node: Node<'_>, depth: usize) -> StatementKind {
        match node.kind() {
            "expression_statement" => self.expression_statement(node, depth),
            "with_statement" => StatementKind::With { items: self.with_items(node, depth), body: self.body(node, depth) },
            "for_statement" => StatementKind::For {
                variable: self.field_text(node, "left"),
                over: self.field(node, "right", depth),
                body: self.body(node, depth),
            },
            "class_definition" | "function_definition" => self.definition(node, Vec::new(), depth),
            "decorated_definition" => {
                let decorators = children(node).into_iter().filter(|child| child.kind() == "decorator");
                let decorators = decorators.filter_map(|child| child.named_child(0)).map(|child| self.expression(child, depth)).collect();
                node.child_by_field_name("definition").map_or(StatementKind::Other, |node| self.definition(node, decorators, depth))
            }
            "return_statement" => StatementKind::Return(node.named_child(0).map(|value| self.expression(value, depth))),
            "assert_statement" => match node.named_child(0).map(|condition| self.condition(condition, depth)) {
                Some(Condition::Equal(left, right)) => StatementKind::AssertEqual(left, right),
                _ => StatementKind::Other,
            },
            "if_statement" => self.branch(node, depth),
            "import_statement" | "import_from_statement" | "future_import_statement" | "pass_statement" | "comment" => {
                StatementKind::Nothing
            }
            _ => StatementKind::Other,
        }
    }

    fn expression_statement(&self, node: Node<'_>, depth: usize) -> StatementKind {
        match node.named_child(0) {
            Some(assignment) if assignment.kind() == "assignment" => {
                let Some(value) = assignment.child_by_field_name("right") else { return StatementKind::Nothing };
                StatementKind::Assign { target: self.field(assignment, "left", depth), value: self.expression(value, depth) }
            }
            Some(value) => StatementKind::Expression(self.expression(value, depth)),
            None => StatementKind::Nothing,
        }
    }

    fn with_items(&self, node: Node<'_>, depth: usize) -> Vec<(Expression, Option<String>)> {
        let clauses = children(node).into_iter().filter(|child| child.kind() == "with_clause");
        let values = clauses.flat_map(children).filter_map(|item| item.child_by_field_name("value"));
        let item = |value: Node<'_>| match value.kind() {
            "as_pattern" => {
                let alias = value.child_by_field_name("alias").map(|alias| self.text_of(alias).to_owned());
                (value.named_child(0).map_or(Expression::Other, |value| self.expression(value, depth)), alias)
            }
            _ => (self.expression(value, depth), None),
        };
        values.map(item).collect()
    }

    fn definition(&self, node: Node<'_>, decorators: Vec<Expression>, depth: usize) -> StatementKind {
        let name = self.field_text(node, "name");
        let body = self.body(node, depth);
        if node.kind() == "class_definition" {
            let bases = node.child_by_field_name("superclasses").map(children).unwrap_or_default();
            let bases = bases.into_iter().map(|base| self.expression(base, depth)).collect();
            return StatementKind::Class { name, bases, decorators, body };
        }
        let first = node.child_by_field_name("parameters").and_then(|parameters| children(parameters).into_iter().next());
        let first_parameter = first.map(|first| self.text_of(first).split([':', '=']).next().unwrap_or_default().trim().to_owned());
        StatementKind::Function { name, first_parameter, decorators, body }
    }

    fn branch(&self, node: Node<'_>, depth: usize) -> StatementKind {
        let mut cursor = node.walk();
        let alternatives: Vec<Node<'_>> = node.children_by_field_name("alternative", &mut cursor).collect();
        let otherwise = match alternatives.as_slice() {
            [] => Vec::new(),
            [alternative] if alternative.kind() == "else_clause" => self.body(*alternative, depth),
            _ => return StatementKind::Other,
        };
        let (Some(condition), Some(body)) = (node.child_by_field_name("condition"), node.child_by_field_name("consequence")) else {
            return StatementKind::Other;
        };
        StatementKind::If { condition: self.condition(condition, depth), body: self.block(body, depth + 1), otherwise }
    }

    fn condition(&self, node: Node<'_>, depth: usize) -> Condition {
        if node.kind() == "not_operator" {
            return Condition::Not(self.field(node, "argument", depth));
        }
        let operator = node.child_by_field_name("operators").map(|operator| self.text_of(operator)).unwrap_or_default();
        match (operator, node.named_child(0), node.named_child(1), node.named_child_count()) {
            ("==", Some(left), Some(right), 2) => Condition::Equal(self.expression(left, depth), self.expression(right, depth)),
            ("!=", Some(left), Some(right), 2) => Condition::NotEqual(self.expression(left, depth), self.expression(right, depth)),
            _ => Condition::Truthy(self.expression(node, depth)),
        }
    }

    fn field(&self, node: Node<'_>, field: &str, depth: usize) -> Expression {
        node.child_by_field_name(field).map_or(Expression::Other, |node| self.expression(node, depth + 1))
    }

    fn expression(&self, node: Node<'_>, depth: usize) -> Expression {
        if depth > MAX_DEPTH {
            return Expression::Other;
        }
        match node.kind() {
            "identifier" => Expression::Name(self.text_of(node).to_owned()),
            "attribute" => match self.field(node, "object", depth) {
                Expression::Name(object) => Expression::Name(format!("{object}.{}", self.field_text(node, "attribute"))),
                object => Expression::Attribute(Box::new(object), self.field_text(node, "attribute")),
            },
            "string" => Expression::Text(self.string(node, depth)),
            "concatenated_string" => Expression::Text(children(node).into_iter().flat_map(|part| self.string(part, depth)).collect()),
            "integer" | "float" => self.text_of(node).replace('_', "").parse().map_or(Expression::Other, Expression::Number),
            "unary_operator" => match self.field(node, "argument", depth) {
                Expression::Number(number) if self.text_of(node).starts_with('-') => Expression::Number(-number),
                _ => Expression::Other,
            },
            "true" => Expression::Flag(true),
            "false" => Expression::Flag(false),
            "none" => Expression::None,
            "list" | "tuple" | "set" => Expression::List(children(node).into_iter().map(|item| self.expression(item, depth + 1)).collect()),
            "dictionary" => self.dictionary(node, depth),
            "call" => self.call(node, depth),
            "subscript" => Expression::Index(Box::new(self.field(node, "value", depth)), Box::new(self.field(node, "subscript", depth))),
            "parenthesized_expression" => node.named_child(0).map_or(Expression::Other, |inner| self.expression(inner, depth + 1)),
            "binary_operator" => match self.field_text(node, "operator").as_str() {
                "+" => self.sum(node, depth),
                "%" => formatted(&self.field(node, "left", depth), self.field(node, "right", depth)).unwrap_or(Expression::Other),
                _ => Expression::Other,
            },
            _ => Expression::Other,
        }
    }

    /// Texts that are put together with `+`.
    fn sum(&self, node: Node<'_>, depth: usize) -> Expression {
        let (left, right) = (self.field(node, "left", depth), self.field(node, "right", depth));
        let pieces = |side: Expression| match side {
            Expression::Text(pieces) => Some((pieces, true)),
            Expression::Name(_) | Expression::Call { .. } | Expression::Index(..) => Some((vec![TextPiece::Value(side)], false)),
            _ => None,
        };
        match (pieces(left), pieces(right)) {
            (Some((mut left, left_is_text)), Some((right, right_is_text))) if left_is_text || right_is_text => {
                left.extend(right);
                Expression::Text(left)
            }
            _ => Expression::Other,
        }
    }

    fn dictionary(&self, node: Node<'_>, depth: usize) -> Expression {
        let mut entries = Vec::new();
        for pair in children(node).into_iter().filter(|child| child.kind() != "comment") {
            if pair.kind() != "pair" {
                return Expression::Other;
            }
            entries.push((self.field(pair, "key", depth), self.field(pair, "value", depth)));
        }
        Expression::Dictionary(entries)
    }

    fn call(&self, node: Node<'_>, depth: usize) -> Expression {
        let function = Box::new(self.field(node, "function", depth));
        let (mut arguments, mut keywords) = (Vec::new(), Vec::new());
        for argument in node.child_by_field_name("arguments").map(children).unwrap_or_default() {
            match argument.kind() {
                "keyword_argument" => keywords.push((self.field_text(argument, "name"), self.field(argument, "value", depth))),
                "comment" => {}
                _ => arguments.push(self.expression(argument, depth + 1)),
            }
        }
        if let Expression::Attribute(text, method) = &*function
            && method == "format"
            && let Expression::Text(pieces) = &**text
        {
            return filled_in(pieces, &arguments, &keywords).unwrap_or(Expression::Other);
        }
        Expression::Call { function, arguments, keywords }
    }

    fn string(&self, node: Node<'_>, depth: usize) -> Vec<TextPiece> {
        let children = children(node);
        let prefix =
            children.first().map(|start| self.text_of(*start).trim_end_matches(['"', '\'']).to_ascii_lowercase()).unwrap_or_default();
        let mut pieces = Vec::new();
        for child in children {
            match child.kind() {
                "string_content" => {
                    let text = self.text_of(child);
                    let text = if prefix.contains('r') { text.to_owned() } else { unescaped(text) };
                    let text = if prefix.contains('f') { text.replace("{{", "{").replace("}}", "}") } else { text };
                    pieces.push(TextPiece::Plain(text));
                }
                // `{number:03d}` is another text than `{number}`.
                "interpolation"
                    if ["format_specifier", "type_conversion"].iter().any(|field| child.child_by_field_name(field).is_some()) =>
                {
                    pieces.push(TextPiece::Value(Expression::Other));
                }
                "interpolation" => pieces.push(TextPiece::Value(self.field(child, "expression", depth))),
                _ => {}
            }
        }
        pieces
    }
}

/// Named children, gathered at once: a walk by index is slow in a long file.
fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}

/// A string's usual escapes.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('\n') | None => {}
            Some(other @ ('\\' | '\'' | '"')) => out.push(other),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn only(text: &str) -> StatementKind {
        let module = parse(text).unwrap();
        assert_eq!(module.broken_line, None, "{text}");
        module.statements.into_iter().next().unwrap().kind
    }

    fn text(text: &str) -> Expression {
        Expression::Text(vec![TextPiece::Plain(text.to_owned())])
    }

    #[test]
    fn a_call_has_its_arguments() {
        let StatementKind::Expression(Expression::Call { function, arguments, keywords }) =
            only("self.client.post(\"/a\" \"b\", {'k': [1, -2.5, True, None]}, name='say \\'x\\'')")
        else {
            panic!("a call")
        };
        assert_eq!(*function, Expression::Name("self.client.post".into()));
        let list = vec![Expression::Number(1.0), Expression::Number(-2.5), Expression::Flag(true), Expression::None];
        let joined = Expression::Text(vec![TextPiece::Plain("/a".into()), TextPiece::Plain("b".into())]);
        assert_eq!(arguments, [joined, Expression::Dictionary(vec![(text("k"), Expression::List(list))])]);
        assert_eq!(keywords, [("name".to_owned(), text("say 'x'"))]);
    }

    #[test]
    fn an_f_string_has_values_in_between() {
        let StatementKind::Assign { value: Expression::Text(pieces), .. } = only("url = f\"/i/{self.item}/{{x}}\" + tail") else {
            panic!("a text")
        };
        assert_eq!(pieces[0], TextPiece::Plain("/i/".into()));
        assert_eq!(pieces[1], TextPiece::Value(Expression::Name("self.item".into())));
        assert_eq!(pieces.last(), Some(&TextPiece::Value(Expression::Name("tail".into()))));
        let rest: String =
            pieces[2..pieces.len() - 1].iter().map(|piece| if let TextPiece::Plain(text) = piece { text.as_str() } else { "?" }).collect();
        assert_eq!(rest, "/{x}");
    }

    #[test]
    fn texts_that_are_formatted_have_values_in_between() {
        let name = |name: &str| TextPiece::Value(Expression::Name(name.into()));
        let plain = |text: &str| TextPiece::Plain(text.into());
        for (source, pieces) in [
            ("'/a/%s/b%%/%d' % (x, y)", vec![plain("/a/"), name("x"), plain("/b"), plain("%/"), name("y"), plain("")]),
            ("'/a/%s' % x", vec![plain("/a/"), name("x"), plain("")]),
            ("'/{}/{}'.format(x, y)", vec![plain("/"), name("x"), plain("/"), name("y"), plain("")]),
            ("'/{1}/{id}'.format(x, y, id=z)", vec![plain("/"), name("y"), plain("/"), name("z"), plain("")]),
        ] {
            assert_eq!(only(source), StatementKind::Expression(Expression::Text(pieces)), "{source}");
        }
        for source in ["'%03d' % x", "'%s %s' % x", "'%s' % (x, y)", "'{:03d}'.format(x)", "'{}'.format()", "'{a.b}'.format(a=x)"] {
            assert_eq!(only(source), StatementKind::Expression(Expression::Other), "{source}");
        }
        for source in ["f'{x:03d}'", "f'{x!r}'"] {
            assert_eq!(only(source), StatementKind::Expression(Expression::Text(vec![TextPiece::Value(Expression::Other)])), "{source}");
        }
    }

    #[test]
    fn a_branch_has_its_condition() {
        let name = |name: &str| Expression::Name(name.into());
        for (source, expected) in [
            ("if a.b == 3:\n  pass\n", Condition::Equal(name("a.b"), Expression::Number(3.0))),
            ("if a != b:\n  pass\n", Condition::NotEqual(name("a"), name("b"))),
            ("if not a.ok:\n  pass\n", Condition::Not(name("a.ok"))),
            ("if a.ok:\n  pass\n", Condition::Truthy(name("a.ok"))),
        ] {
            let StatementKind::If { condition, body, otherwise } = only(source) else { panic!("{source}") };
            assert_eq!((condition, body.len(), otherwise.len()), (expected, 1, 0), "{source}");
        }
        let StatementKind::If { otherwise, .. } = only("if a:\n  pass\nelse:\n  b()\n  c()\n") else { panic!("a branch") };
        assert_eq!(otherwise.len(), 2);
        assert_eq!(only("if a:\n  pass\nelif b:\n  pass\n"), StatementKind::Other);
    }

    #[test]
    fn definitions_have_decorators_bases_and_bodies() {
        let StatementKind::Class { name, bases, body, .. } =
            only("class A(B, metaclass=C):\n  @task(3)\n  def t(self, x):\n    with a() as b, c():\n      pass\n")
        else {
            panic!("a class")
        };
        assert_eq!((name.as_str(), &bases[0]), ("A", &Expression::Name("B".into())));
        let StatementKind::Function { first_parameter, decorators, body, .. } = &body[0].kind else { panic!("a function") };
        assert_eq!((first_parameter.as_deref(), decorators.len()), (Some("self"), 1));
        let StatementKind::With { items, .. } = &body[0].kind else { panic!("a with") };
        assert_eq!(items.iter().map(|(_, alias)| alias.as_deref()).collect::<Vec<_>>(), [Some("b"), None]);
    }

    #[test]
    fn what_is_no_python_is_placed() {
        assert_eq!(parse("a = 1\nb = = 2\n").unwrap().broken_line, Some(2));
        let deep = format!("x = {}1{}", "(".repeat(20_000), ")".repeat(20_000));
        parse(&deep).unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_is_read_without_a_panic(text in "(class |def |@task|with | as |:|\\n|  |f\"|\\{|\\}|'|\\(|\\)|self|=|,|é|[a-z]){0,60}") {
            let _ = parse(&text);
        }
    }
}
