//! Values in order. Most fields have one value: for that one nothing is allocated.

/// Values in order, each once, after [`Self::sort`].
#[derive(Debug)]
pub enum Sorted<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<T> std::ops::Deref for Sorted<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

impl<T> FromIterator<T> for Sorted<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::Many(values.into_iter().collect())
    }
}

impl<T: Ord + Copy> Sorted<T> {
    pub fn push(&mut self, value: T) {
        match self {
            Self::Many(values) if values.is_empty() => *self = Self::One(value),
            Self::Many(values) => values.push(value),
            Self::One(first) => *self = Self::Many(vec![*first, value]),
        }
    }

    pub fn sort(&mut self) {
        if let Self::Many(values) = self {
            values.sort_unstable();
            values.dedup();
        }
    }
}
