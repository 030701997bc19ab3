//! fork, copy-on-write, vfork: what becomes of memory.

use tine::memory::mmap;
use tine::process::exec::Program;
use tine::rt::fork::Stack;
use tine::{_exit, Errno, getpid, getppid};

use crate::stage::{Line, Named, Scene, check, child, ended_with, say, tell};

/// Bytes of a page.
const PAGE: usize = tine::abi::memory::PAGE as usize;

pub(crate) fn fork() -> Scene {
    let mut memory = mmap(PAGE).of("mmap")?;
    memory.bytes_mut()[0] = b'a';
    say("parent", "writes `a' into a page and forks")?;
    let parent = getpid();
    let pid = child(|| {
        tell("child", memory.bytes()[0] == b'a', "sees the `a' that its parent wrote")?;
        let differs = getpid() != parent && getpid() > 0;
        tell("child", differs, "has a process id of its own")?;
        tell("child", getppid().of("getppid")? == parent, "has the parent as its parent")?;
        say("child", "ends with exit code 7")?;
        Ok(7)
    })?;
    check(pid != parent, "fork tells the parent the child's process id")?;
    ended_with(pid, 7)?;
    say("parent", "has waited for it: exit code 7")
}

pub(crate) fn copy_on_write() -> Scene {
    /// Pages that both write.
    const PAGES: usize = 64;
    let mut memory = mmap(PAGES * PAGE).of("mmap")?;
    let fill = |bytes: &mut [u8], letter: u8| {
        for page in bytes.chunks_mut(PAGE) {
            page[17] = letter;
        }
    };
    let holds = |bytes: &[u8], letter: u8| {
        bytes.chunks(PAGE).all(|page| page[17] == letter)
            && bytes.iter().filter(|byte| **byte != 0).count() == PAGES
    };
    fill(memory.bytes_mut(), b'a');
    say("parent", "writes `a' into 64 pages and forks: none is copied yet")?;
    let (to_child, to_parent) = (Line::new()?, Line::new()?);
    let pid = child(|| {
        let (parent, mouth) = (to_child.listen()?, to_parent.speak()?);
        check(holds(memory.bytes(), b'a'), "the child begins with its parent's pages")?;
        fill(memory.bytes_mut(), b'c');
        tell("child", holds(memory.bytes(), b'c'), "writes `c' into its pages and reads `c'")?;
        mouth.send(1)?;
        check(parent.wait()? == Some(2), "the parent has written")?;
        tell("child", holds(memory.bytes(), b'c'), "still reads `c'")?;
        Ok(0)
    })?;
    let (mouth, child) = (to_child.speak()?, to_parent.listen()?);
    check(child.wait()? == Some(1), "the child has written")?;
    tell("parent", holds(memory.bytes(), b'a'), "still reads `a'")?;
    fill(memory.bytes_mut(), b'p');
    tell("parent", holds(memory.bytes(), b'p'), "writes `p' into its pages and reads `p'")?;
    mouth.send(2)?;
    ended_with(pid, 0)?;
    tell("parent", holds(memory.bytes(), b'p'), "still reads `p' after the child has ended")?;
    mouth.leave()?;
    child.leave()
}

/// What the parent lends to the child of its vfork.
struct Lent {
    number: u32,
    /// The child runs and the parent does not.
    running: bool,
    program: Program,
    failure: Option<Errno>,
}

/// The child of the vfork. It prints nothing: the buffer of the output is the parent's.
fn borrow(lent: &mut Lent) -> ! {
    lent.number += 1;
    lent.running = true;
    lent.failure = Some(lent.program.exec());
    _exit(1)
}

pub(crate) fn vfork() -> Scene {
    let mut stack = Stack::new(4 * PAGE).map_err(Errno::from).of("mmap")?;
    let program = Program::new("/bin/true", &["true"], &[""; 0]).of("execve")?;
    let mut lent = Lent { number: 41, running: false, program, failure: None };
    say("parent", "has 41 in its memory, lends it and waits")?;
    let pid = tine::vfork(&mut stack, &mut lent, borrow).of("vfork")?;
    if let Some(error) = lent.failure {
        return Err(crate::stage::Wrong::Call("execve in the child", error));
    }
    check(lent.running, "the child ran before its parent went on")?;
    say("child", "added one to its parent's number and became /bin/true")?;
    tell("parent", lent.number == 42, "goes on only now, and has 42")?;
    ended_with(pid, 0)?;
    say("parent", "has waited for it: exit code 0")
}
