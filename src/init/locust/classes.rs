//! The classes of a Locust file: which are users, which are task sets, and what they inherit.

use crate::init::python::{Expression, Statement, StatementKind, TextPiece};

/// A chain of classes that inherit from each other is not longer.
const MAX_BASES: usize = 10;

/// A class as written.
#[derive(Debug, Clone, Copy)]
pub struct Class<'m> {
    pub name: &'m str,
    pub bases: &'m [Expression],
    pub body: &'m [Statement],
    pub line: usize,
}

/// A user class with the classes that it inherits from, nearest first.
#[derive(Debug)]
pub struct UserClass<'m> {
    pub chain: Vec<Class<'m>>,
}

/// Everything that the file defines by name.
#[derive(Debug)]
pub struct Classes<'m> {
    pub all: Vec<Class<'m>>,
    /// `NAME = value` and functions at the top.
    pub top: &'m [Statement],
}

/// What a class is to Locust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    User,
    TaskSet,
    Sequence,
    Other,
}

/// The class that a statement defines.
pub fn class_of(statement: &Statement) -> Option<Class<'_>> {
    let StatementKind::Class { name, bases, decorators: _, body } = &statement.kind else { return None };
    Some(Class { name, bases, body, line: statement.first_line })
}

impl<'m> Classes<'m> {
    pub fn read(top: &'m [Statement]) -> Self {
        Self { all: top.iter().filter_map(class_of).collect(), top }
    }

    /// The user classes that Locust would start.
    pub fn users(&self) -> Vec<UserClass<'m>> {
        let is_abstract = |class: &Class<'_>| attribute_of(class, "abstract") == Some(&Expression::Flag(true));
        let users = self.all.iter().filter(|class| self.part_of(class) == Part::User && !is_abstract(class));
        users.map(|class| UserClass { chain: self.chain(*class) }).collect()
    }

    pub fn named(&self, name: &str) -> Option<Class<'m>> {
        self.all.iter().find(|class| class.name == name).copied()
    }

    /// The class and what it inherits from within this file.
    pub fn chain(&self, class: Class<'m>) -> Vec<Class<'m>> {
        let mut chain = vec![class];
        let mut at = 0;
        while at < chain.len() && chain.len() < MAX_BASES {
            for name in base_names(&chain[at]) {
                if let Some(base) = self.named(name).filter(|base| !chain.iter().any(|known| known.name == base.name)) {
                    chain.push(base);
                }
            }
            at += 1;
        }
        chain
    }

    pub fn part_of(&self, class: &Class<'m>) -> Part {
        let outside = |name: &str| match name.rsplit('.').next().unwrap_or(name) {
            "HttpUser" | "FastHttpUser" | "HttpLocust" => Part::User,
            "TaskSet" => Part::TaskSet,
            "SequentialTaskSet" => Part::Sequence,
            _ => Part::Other,
        };
        let parts = self.chain(*class).into_iter().flat_map(|class| base_names(&class)).map(outside);
        parts.into_iter().find(|part| *part != Part::Other).unwrap_or(Part::Other)
    }
}

impl<'m> UserClass<'m> {
    /// An attribute of the class itself or of the nearest that has it.
    pub fn attribute(&self, name: &str) -> Option<&'m Expression> {
        self.chain.iter().find_map(|class| attribute_of(class, name))
    }

    pub fn text_attribute(&self, name: &str) -> Option<String> {
        plain_text(self.attribute(name)?)
    }
}

/// The names of the bases; keywords such as `metaclass=..` are none.
fn base_names<'m>(class: &Class<'m>) -> Vec<&'m str> {
    class.bases.iter().filter_map(|base| if let Expression::Name(name) = base { Some(name.as_str()) } else { None }).collect()
}

/// `name = value` in the body of a class.
pub fn attribute_of<'m>(class: &Class<'m>, name: &str) -> Option<&'m Expression> {
    class.body.iter().rev().find_map(|statement| match &statement.kind {
        StatementKind::Assign { target: Expression::Name(target), value } if target == name => Some(value),
        _ => None,
    })
}

/// A string without values in it.
pub fn plain_text(expression: &Expression) -> Option<String> {
    let Expression::Text(pieces) = expression else { return None };
    pieces.iter().map(|piece| if let TextPiece::Plain(text) = piece { Some(text.as_str()) } else { None }).collect()
}
