"""Work: the job table, which is the truth, and the threads that carry jobs out."""
