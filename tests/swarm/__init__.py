"""What runs inside Locust, in processes of their own: importing locust monkey-patches the process."""
