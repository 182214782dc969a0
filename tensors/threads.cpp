#include "tensors/threads.h"

#include "tensors/torch.h"

namespace lorae {

// Sets the process's number and, through OpenMP, the calling thread's; oneDNN and OpenBLAS follow.
void use_one_thread() {
  at::set_num_threads(1);
}

}  // namespace lorae
