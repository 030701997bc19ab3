//! Ctrl-C and requests to end, while a guest runs.
//!
//! Owns: the handlers of SIGINT, SIGTERM and SIGHUP. Called by: `run`. Invariants: while a
//! [`Watcher`] lives, these signals become calls of its function and do nothing else; before the
//! first and between two of them they do what they do by default.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

/// The signals that end a program unless it is asked to do something else.
const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Whether no watcher lives. The handler, once installed, stays; this flag has it act as if it
/// were not.
fn idle() -> Arc<AtomicBool> {
    static IDLE: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    IDLE.get_or_init(|| Arc::new(AtomicBool::new(true))).clone()
}

/// Watches until it is dropped.
#[derive(Debug)]
pub(crate) struct Watcher {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

/// What a signal asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Request {
    /// Ctrl-C.
    Interrupt,
    /// End at once.
    End,
}

impl Watcher {
    /// Begins to watch; `tell` runs in a thread of the watcher.
    pub(crate) fn new(mut tell: impl FnMut(Request) + Send + 'static) -> std::io::Result<Self> {
        static ONCE: OnceLock<()> = OnceLock::new();
        if ONCE.set(()).is_ok() {
            for signal in SIGNALS {
                signal_hook::flag::register_conditional_default(signal, idle())?;
            }
        }
        let mut signals = Signals::new(SIGNALS)?;
        let handle = signals.handle();
        let thread = std::thread::spawn(move || {
            for signal in signals.forever() {
                tell(if signal == SIGINT { Request::Interrupt } else { Request::End });
            }
        });
        idle().store(false, Ordering::SeqCst);
        Ok(Self { handle, thread: Some(thread) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        idle().store(true, Ordering::SeqCst);
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // The thread only calls `tell`, which does not panic.
            drop(thread.join());
        }
    }
}
