//! The kernel side of a thread: a future for system calls that take several steps.
//!
//! Owns: [`Errand`], [`Work`], the future `serve`. Never here: calls that end at once, which never
//! get near a future. A thread has no future until its first such call; from then on it sits in
//! `run_user`, a leaf, until the next one.
//!
//! While the future works the thread is WORKING: it is on no queue and answers to nobody. A thread
//! that is killed meanwhile is ENDED at once, but the work goes on to its end, because a space must
//! not be left with half of a change; its Domain's exit waits for that.

use core::{future::poll_fn, task::Poll};

use tine_abi::Error;
use tine_ksync::{Id, TaskId};

use crate::{
    kernel::Kernel,
    machine::Machine,
    memory::Progress,
    object::{SpaceId, ThreadId, thread::ThreadState},
    state::State,
    syscall::{Answer, Done, copy::CopyWork, put_answer},
};

/// What is left to do of a system call.
#[derive(Debug)]
pub enum Work {
    /// Finish the change that is in progress in a space.
    Change {
        /// The space.
        space: SpaceId,
        /// Then: `Some`, the call returns this; `None`, it is executed again, because somebody
        /// else's change was in its way.
        result: Option<u64>,
    },
    /// Go on copying.
    Copy(CopyWork),
}

/// The kernel side of one thread.
#[derive(Debug)]
pub struct Errand {
    /// The task that polls its future.
    pub task: Option<TaskId>,
    /// What the future is to do next, or does.
    pub work: Option<Work>,
}

/// Names an errand.
pub type ErrandId = Id<Errand>;

/// The future of a thread: waits for a call that takes several steps, does them.
pub(crate) async fn serve<M: Machine>(kernel: &'static Kernel<M>, thread: ThreadId, id: ErrandId) {
    while run_user(kernel, id).await {
        while kernel.with(|state| state.errand_step(thread, id)) == Progress::More {
            kernel.yield_now().await;
        }
    }
}

/// User mode runs until a call needs the future. False: the thread has ended.
async fn run_user<M: Machine>(kernel: &'static Kernel<M>, id: ErrandId) -> bool {
    poll_fn(|_| {
        kernel.with(|state| match state.errands.get(id) {
            None => Poll::Ready(false),
            Some(errand) if errand.work.is_some() => Poll::Ready(true),
            Some(_) => Poll::Pending,
        })
    })
    .await
}

impl<M: Machine> State<M> {
    /// The current thread leaves the rest of its call to its future.
    ///
    /// # Errors
    /// [`Error::NoMemory`] if it never had one and there is no room for it; ask
    /// [`State::prepare_errand`] before anything is done that must be finished.
    pub(crate) fn begin_work(&mut self, me: ThreadId, work: Work) -> Answer {
        let id = self.prepare_errand(me)?;
        let errand = self.errands.get_mut(id).ok_or(Error::Gone)?;
        errand.work = Some(work);
        let task = errand.task;
        self.thread_mut(me)?.state = ThreadState::Working;
        self.run.current = None;
        if let Some(task) = task {
            self.tasks.ready(task);
        }
        Ok(Done::Later)
    }

    /// Sees to it that the thread has a future.
    ///
    /// # Errors
    /// [`Error::NoMemory`].
    pub(crate) fn prepare_errand(&mut self, me: ThreadId) -> Result<ErrandId, Error> {
        if let Some(id) = self.thread(me)?.errand {
            return Ok(id);
        }
        let kernel = self.kernel.ok_or(Error::NoMemory)?;
        let errand = Errand { task: None, work: None };
        let mut pages =
            crate::memory::KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        let id = self.errands.insert(&mut pages, errand).map_err(|_| Error::NoMemory)?;
        let Ok(task) = self.tasks.insert(&mut pages, serve(kernel, me, id)) else {
            self.errands.remove(id);
            return Err(Error::NoMemory);
        };
        if let Some(errand) = self.errands.get_mut(id) {
            errand.task = Some(task);
        }
        self.thread_mut(me)?.errand = Some(id);
        Ok(id)
    }

    /// One step of a thread's work.
    fn errand_step(&mut self, thread: ThreadId, id: ErrandId) -> Progress {
        let Some(work) = self.errands.get_mut(id).and_then(|errand| errand.work.take()) else {
            return Progress::Done;
        };
        let (answer, is_again) = match work {
            Work::Change { space, result } => {
                let progress = self.with_space(space, |cx, space| Ok(space.advance(cx)));
                if progress == Ok(Progress::More) {
                    return self.keep_working(id, Work::Change { space, result });
                }
                (Ok(Done::Values(result.unwrap_or(0), 0)), result.is_none())
            }
            Work::Copy(mut copy) => match self.copy_step(thread, &mut copy) {
                None => return self.keep_working(id, Work::Copy(copy)),
                Some(answer) => (answer, false),
            },
        };
        self.finish_work(thread, id, answer, is_again);
        Progress::Done
    }

    fn keep_working(&mut self, id: ErrandId, work: Work) -> Progress {
        if let Some(errand) = self.errands.get_mut(id) {
            errand.work = Some(work);
        }
        Progress::More
    }

    /// The call returns, or is executed again; or its thread has been killed.
    fn finish_work(&mut self, id: ThreadId, errand: ErrandId, answer: Answer, is_again: bool) {
        let Some(thread) = self.threads.get_mut(id) else { return };
        if thread.state == ThreadState::Ended {
            thread.errand = None;
            let domain_id = thread.domain;
            self.errands.remove(errand);
            if let Some(domain) = self.domains.get_mut(domain_id) {
                domain.working -= 1;
            }
            self.continue_exit(domain_id);
            self.remove_thread_if_over(id);
            return;
        }
        if is_again {
            thread.registers.rip = thread.registers.rip.wrapping_sub(crate::ipc::SYSCALL_LENGTH);
        } else {
            put_answer(&mut thread.registers, answer);
        }
        self.ready(id);
    }

    /// A thread has ended: its future, unless it works, ends as well.
    pub(crate) fn end_errand(&mut self, id: ThreadId) {
        let Some(errand) = self.threads.get(id).and_then(|thread| thread.errand) else { return };
        let is_idle = self.errands.get(errand).is_none_or(|errand| errand.work.is_none());
        if !is_idle {
            return;
        }
        if let Some(thread) = self.threads.get_mut(id) {
            thread.errand = None;
        }
        let task = self.errands.remove(errand).and_then(|errand| errand.task);
        if let Some(task) = task {
            self.tasks.ready(task);
        }
    }
}
