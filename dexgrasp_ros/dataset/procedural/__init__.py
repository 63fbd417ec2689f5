"""Objects made by rules: training sets without anyone's meshes."""
