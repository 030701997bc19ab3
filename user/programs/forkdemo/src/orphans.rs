//! Orphans: whose parent has ended.

use tine::{getpid, getppid};

use crate::stage::{Line, Named, Scene, check, child, ended_with, say, tell};

pub(crate) fn orphan() -> Scene {
    let (go, end) = (Line::new()?, Line::new()?);
    let pid = child(|| {
        let middle = getpid();
        let grandchild = child(|| {
            let (go, end) = (go.listen()?, end.speak()?);
            let born = getppid().of("getppid")? == middle;
            check(born, "the grandchild begins with the child as its parent")?;
            end.send(1)?;
            check(go.wait()? == Some(2), "the child has ended")?;
            tell("orphan", getppid().of("getppid")? == 1, "has init as its parent now")?;
            Ok(0)
        })?;
        check(grandchild != middle, "fork tells the child's process id")?;
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
