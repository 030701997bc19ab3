//! Orphans: whose parent has ended.

use tine::{getpid, getppid};

use crate::stage::{Line, Named, Scene, check, child, ended_with, say, tell};

pub(crate) fn orphan() -> Scene {
    let (go, end) = (Line::new()?, Line::new()?);
    let pid = child(|| {
        let (middle, born) = (getpid(), Line::new()?);
        let grandchild = child(|| {
            let (go, end, born) = (go.listen()?, end.speak()?, born.speak()?);
            let is_ours = getppid().of("getppid")? == middle;
            check(is_ours, "the grandchild begins with the child as its parent")?;
            born.send(1)?;
            end.send(1)?;
            check(go.wait()? == Some(2), "the child has ended")?;
            tell("orphan", getppid().of("getppid")? == 1, "has init as its parent now")?;
            Ok(0)
        })?;
        check(grandchild != middle, "fork tells the child's process id")?;
        // The child must not end before the grandchild has seen who its parent is.
        check(born.listen()?.wait()? == Some(1), "the grandchild has seen its parent")?;
        Ok(3)
    })?;
    let (go, end) = (go.speak()?, end.listen()?);
    check(end.wait()? == Some(1), "the grandchild runs")?;
    ended_with(pid, 3)?;
    say("parent", "has a grandchild, whose parent has just ended")?;
    go.send(2)?;
    check(end.wait()?.is_none(), "the grandchild ends")?;
    go.leave()?;
    end.leave()
}
