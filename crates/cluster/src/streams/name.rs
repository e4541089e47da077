//! Which stream a namespace has.

/// The streams of a cluster, whose servers all have the same settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Streams {
    /// The only one, or before the number of each.
    pub name: String,
    /// How many there are.
    pub count: u32,
}

/// JavaScript's usual hash of a text: `h = h * 31 + unit`, in 32 bits with a sign.
pub fn hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

impl Streams {
    /// Where messages of the namespace `nsp` are written.
    ///
    /// The JavaScript adapter's remainder keeps the sign of the hash, and nobody there reads the streams that it gets (`…--3`). Here
    /// such a namespace has the stream of the remainder without the sign, which JavaScript servers do read.
    pub fn of(&self, nsp: &str) -> String {
        if self.count <= 1 {
            return self.name.clone();
        }
        format!("{}-{}", self.name, hash(nsp).unsigned_abs() % self.count)
    }

    /// Those that are read: also where JavaScript servers write by the sign of a hash.
    pub fn all(&self) -> Vec<String> {
        if self.count <= 1 {
            return vec![self.name.clone()];
        }
        let names = (0..self.count).map(|number| format!("{}-{number}", self.name));
        names.chain((1..self.count).map(|number| format!("{}--{number}", self.name))).collect()
    }
}
