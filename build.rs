//! The SQL files and the shipped tables are compiled in as whole folders: a file that is new there
//! must make the crate anew, too.

fn main() {
    println!("cargo::rerun-if-changed=sql");
    println!("cargo::rerun-if-changed=data");
}
